"""Logins and their roles; sign-ins that are locked."""

from typing import Any, cast

import axes.admin  # noqa: F401 - registers what is taken back below
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from heirloom.accounts import services, unlocking
from heirloom.accounts.models import SCOPES, OutsideLogin, User
from heirloom.accounts.readonly_admin import ReadOnlyAdmin

# Roles are fixed, and sign-ins stand in the audit log.
for _model in (Group, AccessAttempt, AccessFailureLog, AccessLog):
    admin.site.unregister(_model)


class LoginForm(UserChangeForm):  # type: ignore[misc]
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What a client app may do beyond verifying. HR and administrators need none.",
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"), label="Roles", required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """Logins. Who may open Django admin, and who may do everything, follows from the roles."""

    form = LoginForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "roles", "is_active", "last_login")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email", "outside__subject")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined", "signs_in_at")
    actions = None
    fieldsets = (
        (None, {"fields": ("username", "password", "must_change_password")}),
        ("Person or program", {"fields": ("first_name", "last_name", "email", "signs_in_at")}),
        ("Roles", {"fields": ("groups", "is_active")}),
        ("Client app", {"fields": ("scopes", "consent_basis")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Name")
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "—"

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "—"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Nobody locks themselves out, or gives themselves more, by a slip.
        own = ("groups", "is_active") if obj is not None and obj.pk == request.user.pk else ()
        followed = ("groups",) if settings.OIDC_ROLES_CLAIM and _outside(obj) else ()
        return (*self.readonly_fields, *own, *followed)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        return ((None, {"fields": ("username",)}), *shown[1:]) if _outside(obj) else shown

    @admin.display(description="Signs in at")
    def signs_in_at(self, user: User) -> str:
        return str(_outside(user) or "this installation")

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Whoever signs in elsewhere gets no password here, or would stay when the issuer lets them go."""
        user = self.get_object(request, id)
        if _outside(user):
            raise PermissionDenied
        if user is None:
            raise Http404
        with services.recorded(user=user, actor=_login(request)):
            answer: HttpResponse = super().user_change_password(request, id, form_url)
        return answer

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Written with its roles, so that one event tells of all; what save_related does then changes nothing."""
        chosen = form.cleaned_data["groups"] if "groups" in form.changed_data else None
        roles = None if chosen is None else [group.name for group in chosen]
        services.save_login(user=obj, actor=_login(request), roles=roles)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Logins are switched off, not deleted: decisions and the audit log name them."""
        return False


def _login(request: HttpRequest) -> User:
    return cast(User, request.user)


def _outside(user: User | None) -> OutsideLogin | None:
    return None if user is None else OutsideLogin.objects.filter(user=user).first()


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Failed sign-ins; deleting a row opens a locked username before its time is over."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("axes.delete_accessattempt"))

    def delete_model(self, request: HttpRequest, obj: AccessAttempt) -> None:
        unlocking.forget([obj], actor=_login(request))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        unlocking.forget(list(queryset), actor=_login(request))
