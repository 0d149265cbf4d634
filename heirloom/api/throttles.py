"""How often a caller may ask, and how much it may ask for."""

from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from heirloom.accounts.models import User
from heirloom.api.costs import POINTS, cost_of

BUDGET = "heirloom.budget"
"""Where a request carries its CostThrottle, for whoever charges more or tells of it."""


class CallerThrottle(UserRateThrottle):
    """Each API key is a caller of its own, so that one busy app does not use up what the others of a login have."""

    scope = "caller"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if isinstance(request.user, User) and request.user.api_key_id is not None:
            return self.cache_format % {"scope": self.scope, "ident": request.user.api_key_id}
        return super().get_cache_key(request, view)


class CostThrottle(CallerThrottle):
    """Points of one caller in any window as long as the rate's. A request that is refused costs nothing.

    Counted in fixed windows, the former fading while the present one passes. Counts are added to in the cache itself,
    so requests at once are all counted; with REDIS_URL by all web processes together, else by each alone.
    """

    scope = "cost"
    # Of the rate; its base class is without types.
    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: Any) -> bool:
        """Spend what the request costs, if the caller has as much left."""
        self.ident = self.get_cache_key(request, view) or ""
        self.window, past = divmod(self.timer(), self.duration)
        self.passed = past / self.duration
        # What costs more than all there is would never be let in.
        self.cost = min(cost_of(request, view), self.num_requests)
        self.former: int = cache.get(self._key(self.window - 1), 0)
        self.present = 0
        self.charge(self.cost)
        request._request.META[BUDGET] = self
        if self.left >= 0:
            return True
        self.charge(-self.cost)
        return False

    def charge(self, points: int) -> None:
        """Add to what the caller spent in this window."""
        key = self._key(self.window)
        cache.add(key, 0, timeout=2 * self.duration)
        try:
            self.present = cache.incr(key, points)
        except ValueError:  # dropped from a full cache between the two
            cache.set(key, points, timeout=2 * self.duration)
            self.present = points

    @property
    def left(self) -> int:
        """Points that the caller has left now; below 0 when more was charged than there was."""
        return self.num_requests - round(self.present + self.former * (1 - self.passed))

    @property
    def reset_s(self) -> int:
        """Seconds to the end of this window."""
        return max(1, round((1 - self.passed) * self.duration))

    def wait(self) -> float:
        """Return the seconds until a request that was refused would be let in."""
        room = self.num_requests - self.cost
        if self.present <= room:  # enough of the former window fades within this one
            share = (1 - (room - self.present) / self.former if self.former else 0.0) - self.passed
        else:
            share = 1 - self.passed + 1 - room / self.present
        return max(1.0, share * self.duration)

    def _key(self, window: float) -> str:
        return f"{self.ident}_{window:.0f}"


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


class RefusedTokenThrottle(RefusedKeyThrottle):
    """Tokens that were refused, ours and another issuer's, likewise."""

    scope = "refused-token"


def charge_more(request: Request, name: str, count: int) -> None:
    """Charge for what the body holds beyond the one thing that was paid for at the door; felt by the next request."""
    budget = request._request.META.get(BUDGET)
    if budget is not None and count > 0:
        budget.charge(POINTS[name] * count)
