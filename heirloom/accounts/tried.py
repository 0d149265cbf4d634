"""Under which name failed sign-ins are counted."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

# The longest username there is; whatever somebody types beyond it would not fit the table of attempts.
LONGEST = 150


def username(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """Return the name that was tried, cut to the length of a username."""
    given = credentials or request.POST
    return str(given.get("username") or "")[:LONGEST]
