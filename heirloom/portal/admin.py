"""Second factors in Django admin: who has which, and their reset for somebody who lost theirs."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from heirloom.accounts.models import User
from heirloom.accounts.readonly_admin import ReadOnlyAdmin
from heirloom.factors.models import SecondFactor
from heirloom.portal import own


@admin.register(SecondFactor)
class SecondFactorAdmin(ReadOnlyAdmin):
    """Looked up; nobody sees a secret. Whoever lost theirs is reset by another administrator."""

    actions = ("reset",)
    list_display = ("user", "kind", "name", "confirmed_at", "used_at")
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    list_per_page = 50
    fields = ("user", "kind", "name", "created_at", "confirmed_at", "used_at")

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return cast(User, request.user).has_role("admin")

    @admin.action(description="Reset the second factors of these logins, and end their sessions", permissions=["reset"])
    def reset(self, request: HttpRequest, chosen: QuerySet[SecondFactor]) -> None:
        actor = cast(User, request.user)
        users: Any = User.objects.filter(pk__in=chosen.values("user_id"))
        for user in users:
            if user.pk == actor.pk:
                messages.error(request, "Your own second factor is removed on your security page.")
                continue
            own.reset_second_factors(user=user, actor=actor)
            messages.success(request, f"{user.username} signs in by password alone now, until a new one is set up.")
