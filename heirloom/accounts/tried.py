"""Under which name and address failed sign-ins are counted."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, cast

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

# The longest username there is; whatever somebody types beyond it would not fit the table of attempts.
LONGEST = 150


def username(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """Return the name that was tried, cut to the length of a username."""
    given = credentials or request.POST
    return str(given.get("username") or "")[:LONGEST]


def address(request: HttpRequest) -> str:
    """Return where a sign-in comes from, with as many proxies in front as NUM_PROXIES says; as throttles count it."""
    try:
        return str(ip_address(BaseThrottle().get_ident(cast(Request, request))))
    except ValueError:
        return str(request.META.get("REMOTE_ADDR", ""))
