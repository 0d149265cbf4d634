"""Under which name and address failed sign-ins are counted, and that nothing else of what was typed is kept.

People type passwords into the field of the name, and names of other places. So a name that no login has is counted
under a keyed token of it, and neither form nor query is kept with an attempt.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, cast

from axes.handlers.database import AxesDatabaseHandler
from django.http import HttpRequest, QueryDict
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from heirloom.accounts.marks import mark, plain_name
from heirloom.accounts.models import User

# The longest username there is; whatever somebody types beyond it would not fit the table of attempts.
LONGEST = 150


def username(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """Return the name that was tried where a login has it, else a token that stands for it here alone."""
    given = credentials or request.POST
    typed = str(given.get("username") or "")[:LONGEST]
    told: dict[str, str] = request.__dict__.setdefault("_heirloom_tried", {})
    if typed not in told:
        told[typed] = typed if User.objects.filter(username=typed).exists() else unknown(typed)
    return told[typed]


def unknown(typed: str) -> str:
    """Return the token under which a name that no login has is counted."""
    return f"unknown {mark('unknown name', plain_name(typed))[:16]}"


def address(request: HttpRequest) -> str:
    """Return where a sign-in comes from, with as many proxies in front as NUM_PROXIES says; as throttles count it."""
    try:
        return str(ip_address(BaseThrottle().get_ident(cast(Request, request))))
    except ValueError:
        return str(request.META.get("REMOTE_ADDR", ""))


class Handler(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts attempts as axes does, and keeps nothing of the form or the query that came with them."""

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        bare = None if request is None else _Wordless(request)
        super().user_login_failed(sender, credentials, bare, **kwargs)


class _Wordless:
    """A request as it is, but for what was typed; what is noted on it is noted on the request."""

    GET = POST = QueryDict()

    def __init__(self, whole: HttpRequest) -> None:
        object.__setattr__(self, "_whole", whole)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._whole, name, value)
