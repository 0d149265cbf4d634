"""What the body of a request may carry, by its address."""

import re
from dataclasses import dataclass
from typing import Literal

ORDINARY_BYTES = 1024 * 1024
# Whoever signs in sends a name and a password, and nobody knows yet who that is.
SIGN_IN_BYTES = 64 * 1024
# Names and values in JSON: a gallery names a thousand people, and metadata is an app's own. Who signs in sends four.
ORDINARY_ITEMS, SIGN_IN_ITEMS = 10_000, 100


@dataclass(frozen=True, slots=True)
class Route:
    """What the body of a route may carry beyond ordinary text: photos in its JSON, files in its form, or a piece of a
    clip as it is.
    """

    path: re.Pattern[str]
    json_photos: int = 0
    form: Literal["", "photo", "clip"] = ""
    takes_pieces: bool = False
    ordinary_bytes: int = ORDINARY_BYTES
    items: int = ORDINARY_ITEMS


# Below /api/ a path may come without its last slash.
ROUTES = (
    Route(re.compile(r"/api/v1/auth/.*|/sign-in/"), ordinary_bytes=SIGN_IN_BYTES, items=SIGN_IN_ITEMS),
    Route(re.compile(r"/api/v1/(detect|recognize|anti-spoofing|add-face)/?"), json_photos=1),
    Route(re.compile(r"/api/v1/compare/?"), json_photos=2),
    Route(re.compile(r"/api/v1/register-multiple/?"), json_photos=10),
    Route(re.compile(r"/api/v1/verifications/?"), json_photos=1, form="clip"),
    Route(re.compile(r"/api/v1/detect-upload/?"), form="photo"),
    Route(re.compile(r"/api/v1/people/[^/]+/captures/?"), form="clip"),
    Route(re.compile(r"/api/v1/imports/?"), form="clip"),
    Route(re.compile(r"/api/v1/imports/[^/]+/retry/?"), form="clip"),
    Route(re.compile(r"/people/([^/]+/)?enroll/"), form="clip"),
    Route(re.compile(r"/api/v1/uploads/?"), takes_pieces=True),
    Route(re.compile(r"/api/v1/uploads/[^/]+/?"), takes_pieces=True),
    Route(re.compile(r"/people/imports/(new|[^/]+/retry)/"), form="clip"),
)
ANY_OTHER = Route(re.compile(r".*", re.DOTALL))


def route_of(path: str) -> Route:
    """Return what the body of a request to this path may carry."""
    return next((route for route in ROUTES if route.path.fullmatch(path)), ANY_OTHER)
