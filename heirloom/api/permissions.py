"""Who may do what: by role, and for client apps by scope. What a caller may not see is 404, what it may not do 403."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from heirloom.accounts.models import User
from heirloom.errors import Refusal


def caller(request: Request) -> User:
    """Return the login that asks; the permission classes let nobody else come this far."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def role(*roles: str) -> type[BasePermission]:
    """Return a permission for logins with one of these roles; an API key has only that of a client app."""

    class HasRole(BasePermission):
        # What the OpenAPI document says of it.
        who = ", ".join(f"`{name}`" for name in roles)
        takes_keys = "client" in roles

        def has_permission(self, request: Request, view: Any) -> bool:
            return bool(request.user.is_authenticated and request.user.has_role(*roles))

    return HasRole


class WithoutKey(BasePermission):
    """A permission for callers who signed in: no API key makes or widens keys, or has events sent anywhere."""

    who = "not by API key"
    takes_keys = False

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and caller(request).api_key_id is None)


class JustSignedIn(BasePermission):
    """A permission for callers who signed in within REAUTHENTICATION_MINUTES; reading is let through, and what a view
    names in `let_through`. A refreshed token is as old as its sign-in, and who does not say when that was is refused.
    """

    who = "who signed in lately"
    also_refuses = ("reauthentication_required",)

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS or getattr(view, "action", "") in getattr(view, "let_through", ()):
            return True
        at = caller(request).signed_in_at
        if at is None or timezone.now() - at >= timedelta(minutes=settings.REAUTHENTICATION_MINUTES):
            raise Refusal("reauthentication_required")
        return True


def role_or_scope(scope: str) -> type[BasePermission]:
    """Return a permission for hr, admin, and client apps that hold the scope."""

    class HasScope(BasePermission):
        who = f"`hr`, `admin`, and `client` with the scope `{scope}`"

        def has_permission(self, request: Request, view: Any) -> bool:
            user = request.user
            return bool(
                user.is_authenticated
                and (user.has_role("hr", "admin") or (user.has_role("client") and user.may(scope)))
            )

    return HasScope
