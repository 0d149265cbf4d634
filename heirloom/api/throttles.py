"""How often a caller may ask, and how much it may ask for."""

from collections.abc import Iterator
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from heirloom.accounts.models import User
from heirloom.api.costs import POINTS, cost_of

BUDGET = "heirloom.budget"
"""Where a request carries its CostThrottle, for whoever charges more or tells of it."""


class CallerThrottle(UserRateThrottle):
    """Each API key is a caller of its own, so that one busy app does not use up what the others of a login have.

    What all keys of a login may ask for together is bounded by CostThrottle.
    """

    scope = "caller"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if isinstance(request.user, User) and request.user.api_key_id is not None:
            return self.cache_format % {"scope": self.scope, "ident": request.user.api_key_id}
        return super().get_cache_key(request, view)


class Meter:
    """What one spent of so many points in any window as long as the rate's.

    Counted in fixed windows, the former fading while the present one passes. Counts are added to in the cache itself,
    so requests at once are all counted; with REDIS_URL by all web processes together, else by each alone.
    """

    def __init__(self, ident: str, most: int, window_s: int, now: float) -> None:
        self.most, self.window_s, self._ident = most, window_s, ident
        self._window, passed = divmod(now, window_s)
        self._passed = passed / window_s
        self._former: int = cache.get(self._key(self._window - 1), 0)
        self._present = 0

    def charge(self, points: int) -> None:
        """Add to what was spent in this window."""
        key = self._key(self._window)
        cache.add(key, 0, timeout=2 * self.window_s)
        try:
            self._present = cache.incr(key, points)
        except ValueError:  # dropped from a full cache between the two
            cache.set(key, points, timeout=2 * self.window_s)
            self._present = points

    @property
    def left(self) -> int:
        """Points that are left now; below 0 when more was charged than there was."""
        return self.most - round(self._present + self._former * (1 - self._passed))

    @property
    def reset_s(self) -> int:
        """Seconds to the end of this window."""
        return max(1, round((1 - self._passed) * self.window_s))

    def wait(self, cost: int) -> float:
        """Return the seconds until a request of this cost would be let in."""
        room = self.most - cost
        if self._present <= room:  # enough of the former window fades within this one
            share = (1 - (room - self._present) / self._former if self._former else 0.0) - self._passed
        else:
            share = 1 - self._passed + 1 - room / self._present
        return max(1.0, share * self.window_s)

    def _key(self, window: float) -> str:
        return f"{self._ident}_{window:.0f}"


class CostThrottle(CallerThrottle):
    """Points of one caller in a window; for a key also points and requests of its owner, over all of its keys.

    A request that is refused costs nothing.
    """

    scope = "cost"
    # Of the rate; its base class is without types.
    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: Any) -> bool:
        """Spend what the request costs, if as much is left to the caller and to its owner."""
        now = self.timer()
        self.own = Meter(self.get_cache_key(request, view) or "", self.num_requests, self.duration, now)
        cost = cost_of(request, view)
        self.asked = [(self.own, cost), *((meter, cost if pays else 1) for meter, pays in self._owners(request, now))]
        # What costs more than all there is would never be let in.
        self.asked = [(meter, min(cost, meter.most)) for meter, cost in self.asked]
        for meter, points in self.asked:
            meter.charge(points)
        request._request.META[BUDGET] = self
        self.full = [(meter, points) for meter, points in self.asked if meter.left < 0]
        if not self.full:
            return True
        for meter, points in self.asked:
            meter.charge(-points)
        return False

    def charge(self, points: int) -> None:
        """Add to what the caller spent, and its owner."""
        for meter, _ in self.asked[:2]:
            meter.charge(points)

    def wait(self) -> float:
        """Return the seconds until a request that was refused would be let in."""
        return max(meter.wait(points) for meter, points in self.full)

    def _owners(self, request: Request, now: float) -> Iterator[tuple[Meter, bool]]:
        """Give the meters of a key's owner, and whether each is charged the cost of a request or counts it as one."""
        if not (isinstance(request.user, User) and request.user.api_key_id is not None):
            return
        for scope in ("owner-cost", "owner"):
            most, window_s = self.parse_rate(self.THROTTLE_RATES[scope])
            if most is not None and window_s is not None:
                ident = self.cache_format % {"scope": scope, "ident": request.user.pk}
                yield Meter(ident, most, window_s, now), scope == "owner-cost"


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
