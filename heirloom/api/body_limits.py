"""Count the bytes of a request before Django takes them; refuse the too many and the too slow in our error shape."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from heirloom.api.errors import body
from heirloom.api.routes import route_of
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
# A body may rest this long, and comes at this rate at least: the uplink of a poor telephone line.
PATIENCE_S = 30.0
SLOWEST_BYTES_PER_S = 8 * 1024
# Parts of a form: more than any page or client sends, and all that a form may be taken apart into.
MOST_PARTS = 1500
# JSON is UTF-8 (RFC 8259, 8.1), and so are our forms. Python would look up any codec that a caller names, some of which
# unpack (zlib) or take time by the square of the length (idna).
CHARSETS = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})


class TooManyBytesError(Exception):
    """The body is longer than its route allows."""


class TooManyPartsError(Exception):
    """The form has more parts than any of ours."""


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
        content_type = headers.get(b"content-type", b"")
        if _parameter(content_type, b"charset", b"utf-8").lower() not in CHARSETS:
            await _refuse(send, "charset_unsupported")
            return
        limit = self.limit(scope["path"], content_type)
        if int(headers.get(b"content-length", b"0") or 0) > limit:
            await _refuse(send, "too_many_bytes")
            return
        try:
            counted = _counting(receive, limit, self.patience_s)
            if content_type.lower().startswith(b"multipart/"):
                counted = _in_parts(counted, _parameter(content_type, b"boundary"))
            await self.app({**scope, LIMIT_KEY: limit}, counted, send)
        except TooManyBytesError:
            await _refuse(send, "too_many_bytes")
        except TooManyPartsError:
            await _refuse(send, "too_many_items")
        except TooSlowError:
            await _refuse(send, "upload_too_slow")

    def limit(self, path: str, content_type: bytes) -> int:
        """Return the most bytes that a body of this type may have at this path."""
        route = route_of(path)
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


def _parameter(content_type: bytes, name: bytes, without: bytes = b"") -> bytes:
    """Return a parameter of a content type, the last of its name, as Django reads it."""
    for part in reversed(content_type.split(b";")[1:]):
        found, _, value = part.partition(b"=")
        if found.strip().lower() == name:
            return value.strip().strip(b'"')
    return without


def _in_parts(receive: Receive, boundary: bytes) -> Receive:
    """Count the parts of a form while it passes: each that is neither field nor file costs as much, and is not counted
    by Django.
    """
    mark, parts, last = b"--" + boundary, 0, b""

    async def counted() -> Message:
        nonlocal parts, last
        message = await receive()
        body = message.get("body", b"")
        parts += body.count(mark) + (last + body[: len(mark) - 1]).count(mark)
        last = body[-(len(mark) - 1) :] if len(body) >= len(mark) else (last + body)[-(len(mark) - 1) :]
        if parts > MOST_PARTS:
            raise TooManyPartsError
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
