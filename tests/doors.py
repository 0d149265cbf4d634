"""Every address of the product, read from the URLconf and from the probes that come before it."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver

from heirloom.portal.probes import PROBES

API, ADMIN = "/api/v1/", "/admin/"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""HEAD is a GET without its body, but where a view answers it by itself."""


def doors() -> list[str]:
    """Return every address, its parameters as <name>."""
    return sorted({*PROBES, *(_plain(route) for route, _ in _patterns(get_resolver(), ""))})


def methods_of(door: str) -> tuple[str, ...]:
    """Return the methods that a door could open to; Django admin takes whatever is not POST for GET."""
    if door.startswith(ADMIN):
        return METHODS[:2]
    return (*METHODS, "HEAD") if door in _heads() else METHODS


@cache
def _heads() -> set[str]:
    """Return the addresses whose views answer HEAD by themselves."""
    found = ((route, pattern.callback) for route, pattern in _patterns(get_resolver(), ""))
    return {_plain(route) for route, view in found if hasattr(getattr(view, "view_class", None), "head")}


def _patterns(resolver: Any, before: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, route)
        else:
            yield route, pattern


def _plain(route: str) -> str:
    """Return a route in one spelling, whether it was written as a path or as a regular expression."""
    return re.sub(r"<\w+:", "<", simplify_regex(route)).replace("\\", "")
