"""Count the bytes of a request before Django takes them; refuse the too many and the too slow in our error shape."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from heirloom.api.errors import body
from heirloom.errors import CODES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

# Base64 takes a third more room than the bytes it carries, and text around them has its own few kilobytes.
LIMIT_KEY = "heirloom.body_limit"
"""Where in the scope the applications within find the most bytes that this body may have."""
BASE64_GROWTH = 4 / 3
SLACK_BYTES = 1024 * 1024
ORDINARY_BYTES = 1024 * 1024
# A body may rest this long, and comes at this rate at least: the uplink of a poor telephone line.
PATIENCE_S = 30.0
SLOWEST_BYTES_PER_S = 8 * 1024
# Whoever signs in sends a name and a password, and nobody knows yet who that is.
SIGN_IN_BYTES = 64 * 1024


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


# Below /api/ a path may come without its last slash.
ROUTES = (
    Route(re.compile(r"/api/v1/auth/.*|/sign-in/"), ordinary_bytes=SIGN_IN_BYTES),
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
ANY_OTHER = Route(re.compile(r".*"))


class TooManyBytesError(Exception):
    """The body is longer than its route allows."""


class TooSlowError(Exception):
    """The body comes more slowly than anybody needs to send it."""


class BodyLimitMiddleware:
    """ASGI: end a request whose body passes the limit of its route, or drips in."""

    def __init__(self, app: App, *, photo_bytes: int, clip_bytes: int, patience_s: float = PATIENCE_S) -> None:
        self.app = app
        self.patience_s = patience_s
        self.photo_bytes = photo_bytes
        self.form_bytes = {"": 0, "photo": photo_bytes, "clip": clip_bytes}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = self.limit(scope["path"], headers.get(b"content-type", b""))
        if int(headers.get(b"content-length", b"0") or 0) > limit:
            await _refuse(send, "too_many_bytes")
            return
        try:
            await self.app({**scope, LIMIT_KEY: limit}, _counting(receive, limit, self.patience_s), send)
        except TooManyBytesError:
            await _refuse(send, "too_many_bytes")
        except TooSlowError:
            await _refuse(send, "upload_too_slow")

    def limit(self, path: str, content_type: bytes) -> int:
        """Return the most bytes that a body of this type may have at this path."""
        route = next((route for route in ROUTES if route.path.fullmatch(path)), ANY_OTHER)
        kind = content_type.lower()
        if kind.startswith(b"multipart/") and route.form:
            return self.form_bytes[route.form] + SLACK_BYTES
        if kind == b"application/offset+octet-stream" and route.takes_pieces:
            return self.form_bytes["clip"]
        if kind.startswith(b"application/json") and route.json_photos:
            return int(self.photo_bytes * route.json_photos * BASE64_GROWTH) + SLACK_BYTES
        return route.ordinary_bytes


def _counting(receive: Receive, limit: int, patience_s: float) -> Receive:
    started, total, whole = time.monotonic(), 0, False

    async def counted() -> Message:
        nonlocal total, whole
        if whole:
            return await receive()  # what comes after the body is the caller hanging up, however late
        ends_at = started + patience_s + total / SLOWEST_BYTES_PER_S
        try:
            message = await asyncio.wait_for(receive(), ends_at - time.monotonic())
        except TimeoutError as error:
            raise TooSlowError from error
        total, whole = total + len(message.get("body", b"")), not message.get("more_body", False)
        if total > limit:
            raise TooManyBytesError
        return message

    return counted


async def _refuse(send: Send, name: str) -> None:
    code = CODES[name]
    answer = json.dumps(body(name, f"{code.text} {code.remedy}", status=code.status)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": code.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
