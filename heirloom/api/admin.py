"""API keys in Django admin: looked up, made for a client app, and revoked; all else is the app's own business."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from heirloom.accounts.limits import GalleryLimit
from heirloom.accounts.models import SCOPES, User
from heirloom.accounts.readonly_admin import ReadOnlyAdmin
from heirloom.api import keys
from heirloom.api.models import ApiKey
from heirloom.errors import Refusal


class KeyForm(forms.ModelForm[ApiKey]):
    """What a new key is made of."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="At most what the owner holds.",
    )

    class Meta:
        model = ApiKey
        fields = ("owner", "name", "scopes", "expires_at", "departments", "person_ids")
        widgets = {"departments": UnfoldAdminTextInputWidget, "person_ids": UnfoldAdminTextInputWidget}
        help_texts = {
            "departments": "With commas between; the key finds only who is in one of these. Empty: no such limit.",
            "person_ids": "Our ids, as in the address of a person's page, with commas between.",
        }


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    form = KeyForm
    list_display = ("name", "owner", "prefix", "scopes", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("owner",)
    list_select_related = ("owner",)
    search_fields = ("name", "prefix", "owner__username")
    list_per_page = 50
    actions = ("revoke",)
    fields = (
        "name", "owner", "prefix", "scopes", "departments", "person_ids", "created_at", "expires_at", "former_until",
        "last_used_at", "revoked_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _login(request).has_role("admin")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return _login(request).has_role("admin")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return KeyForm.Meta.fields if obj is None else self.fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        clients = User.objects.filter(groups__name="client", is_active=True).order_by("username")
        return super().formfield_for_foreignkey(db_field, request, queryset=clients, **kwargs)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return cast(HttpResponse, super().add_view(request, form_url, extra_context))
        except Refusal as refusal:
            messages.error(request, f"{refusal.detail} {refusal.entry.remedy}")
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = dict(form.cleaned_data)
        limit = GalleryLimit(frozenset(given.pop("person_ids")), frozenset(given.pop("departments")))
        issued = keys.create(actor=_login(request), gallery=None if limit == GalleryLimit() else limit, **given)
        obj.pk, obj.secret = issued.key.pk, issued.secret

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret in this one answer, which nobody on the way may store."""
        shown = {**self.admin_site.each_context(request), "title": f"API key: {obj.name}", "secret": obj.secret}
        return TemplateResponse(
            request, "admin/api/apikey/made.html", shown, headers={"Cache-Control": "private, no-store"}
        )

    @admin.action(description="Revoke, for good", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        for key in chosen:
            keys.revoke(key=key, actor=_login(request))
        messages.success(request, "Revoked. These keys open nothing any more.")


def _login(request: HttpRequest) -> User:
    return cast(User, request.user)
