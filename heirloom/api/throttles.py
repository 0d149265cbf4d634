"""How often a caller may ask."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from heirloom.accounts.models import User


class CallerThrottle(UserRateThrottle):
    """Each API key is a caller of its own, so that one busy app does not use up what the others of a login have."""

    scope = "caller"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if isinstance(request.user, User) and request.user.api_key_id is not None:
            return self.cache_format % {"scope": self.scope, "ident": request.user.api_key_id}
        return super().get_cache_key(request, view)


class SignInThrottle(AnonRateThrottle):
    scope = "sign-in"


class RefreshThrottle(AnonRateThrottle):
    """A refresh guesses at nothing, so it does not use up the sign-ins of everybody else behind the same address."""

    scope = "refresh"


class RefusedKeyThrottle(SimpleRateThrottle):
    """API keys that were refused, by address. Only they are counted: a good key from the same address is never late."""

    scope = "refused-key"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}
