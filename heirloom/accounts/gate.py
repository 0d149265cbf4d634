"""How often a password may be tried: by address and by name, counted in the database for all web processes together.

A try is counted before the password is looked at and given back when it was right, so tries at once are all counted.
Where a limit is reached, one read says so: no password is hashed, no row written, no lock taken.

Whoever tries elsewhere locks nobody out: a browser that a login signed in on before is counted by itself, and the limit
of a name does not hold where it signed in from lately. Beside this, axes locks a name at one address.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from prometheus_client import Counter

from heirloom.accounts import devices, tried
from heirloom.accounts.marks import mark, network, plain_name
from heirloom.accounts.models import KnownPlace, TryCount

REFUSED = Counter("heirloom_sign_ins_refused", "Tries that met a limit, by which.", ["by"])
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
PER_DEVICE = 10
PLACE_KNOWN = timedelta(days=30)
PLACE_NOTED_EVERY = timedelta(days=1)
KEPT = timedelta(hours=1)
CODES_PER_ADDRESS, CODES_PER_LOGIN = 5, 30
_COUNT = """
INSERT INTO accounts_trycount AS held (key, tries, until) VALUES (%(key)s, 1, %(until)s)
ON CONFLICT (key) DO UPDATE SET
    tries = CASE WHEN held.until <= %(now)s THEN 1 ELSE held.tries + 1 END,
    until = CASE WHEN held.until <= %(now)s THEN excluded.until ELSE held.until END
RETURNING tries, until
"""


class LimitedError(Exception):
    """No more tries for now. by: which limit; wait_s: seconds until its window ends."""

    def __init__(self, by: str, wait_s: int) -> None:
        self.by, self.wait_s = by, wait_s
        super().__init__(by)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many failures under one key in a window that begins with the first."""

    by: str
    key: str
    most: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was let in and counted. closed: the limits that it was the last one of, if it fails."""

    place: str
    limits: tuple[Limit, ...]
    closed: tuple[str, ...]

    def succeeded(self) -> None:
        """Give the try back, and remember where this login signs in from."""
        TryCount.objects.filter(key__in=[limit.key for limit in self.limits], tries__gt=0).update(tries=F("tries") - 1)
        now = timezone.now()
        known, made = KnownPlace.objects.get_or_create(key=self.place, defaults={"seen_at": now})
        if not made and known.seen_at <= now - PLACE_NOTED_EVERY:
            KnownPlace.objects.filter(pk=known.pk).update(seen_at=now)


def begin(request: HttpRequest, username: str) -> Try:
    """Count a try of this name's password from where the request comes from; raises LimitedError."""
    name, address = plain_name(username), tried.address(request)
    device, place = devices.known(request, name), mark("place", name, network(address))
    own = Limit("device", mark("device", name, device), PER_DEVICE, QUARTER) if device else None
    now = timezone.now()
    trusted = own is not None and not _standing(own, now)
    request.on_known_device = trusted  # type: ignore[attr-defined]
    limits = (own,) if trusted and own else _of_strangers(name, address, place, now)
    _refuse_reached(limits, now)
    # Only read: what axes refuses by itself it writes down first, and so lets a lock last for ever.
    if not AxesProxyHandler.is_allowed(request, {"username": name}):
        raise _limited("name and address", int(settings.AXES_COOLOFF_TIME * HOUR.total_seconds()))
    return _counted(place, limits, now)


def begin_secret(kind: str, owner: str, most: int) -> Try:
    """Count a try at another secret of somebody who showed one before: a code, or the password once more.

    Raises LimitedError.
    """
    now, limits = timezone.now(), (Limit(kind, mark(kind, owner), most, QUARTER),)
    _refuse_reached(limits, now)
    return _counted(mark("place", kind, owner), limits, now)


def begin_code(user: str, address: str) -> Try:
    """Count a try at the second factor of somebody whose password was right; raises LimitedError.

    Of the 10^6 codes three are good at a time, so thirty an hour find one within a year at even odds, of somebody whose
    password is known and who does not notice.
    """
    now = timezone.now()
    limits = (
        Limit("code", mark("code", user, address), CODES_PER_ADDRESS, QUARTER),
        Limit("code", mark("code", user), CODES_PER_LOGIN, HOUR),
    )
    _refuse_reached(limits, now)
    return _counted(mark("place", "code", user), limits, now)


def on_known_device(request: Any, credentials: Mapping[str, Any] | None = None) -> bool:
    """Say to axes whether this browser is counted by itself."""
    return bool(getattr(getattr(request, "_request", request), "on_known_device", False))


def sweep() -> int:
    """Forget counts whose window is over and places that were not seen for long; say how many."""
    now = timezone.now()
    counts, _ = TryCount.objects.filter(until__lt=now - KEPT).delete()
    places, _ = KnownPlace.objects.filter(seen_at__lt=now - PLACE_KNOWN - PLACE_NOTED_EVERY).delete()
    return counts + places


def _of_strangers(name: str, address: str, place: str, now: datetime) -> tuple[Limit, ...]:
    by_address = Limit("address", mark("address", network(address)), settings.SIGN_IN_PER_ADDRESS, QUARTER)
    if KnownPlace.objects.filter(key=place, seen_at__gt=now - PLACE_KNOWN).exists():
        return (by_address,)
    return by_address, Limit("name", mark("name", name), settings.SIGN_IN_PER_NAME, HOUR)


def _refuse_reached(limits: Iterable[Limit], now: datetime) -> None:
    for limit in limits:
        if wait_s := _standing(limit, now):
            raise _limited(limit.by, wait_s)


def _counted(place: str, limits: tuple[Limit, ...], now: datetime) -> Try:
    return Try(place, limits, tuple(limit.by for limit in limits if _count(limit, now) == limit.most))


def _standing(limit: Limit, now: datetime) -> int:
    """Return the seconds until a limit that is reached opens again; 0 where it is not reached."""
    row = TryCount.objects.filter(key=limit.key, tries__gte=limit.most, until__gt=now).first()
    return 0 if row is None else max(1, round((row.until - now).total_seconds()))


def _count(limit: Limit, now: datetime) -> int:
    """Count one try, in a statement of its own; raises LimitedError where others that came at once were the last."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": limit.key, "now": now, "until": now + limit.window})
        tries, until = cursor.fetchone()
    if tries > limit.most:
        raise _limited(limit.by, max(1, round((until - now).total_seconds())))
    return int(tries)


def _limited(by: str, wait_s: int) -> LimitedError:
    REFUSED.labels(by).inc()
    return LimitedError(by, wait_s)
