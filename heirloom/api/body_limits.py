"""Count the bytes of a request before Django takes them, and refuse the too many in our own error shape."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from heirloom.api.errors import body
from heirloom.errors import CODES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

# Base64 takes a third more room than the bytes it carries, and a form has its own few kilobytes around them.
BASE64_GROWTH = 4 / 3
SLACK_BYTES = 1024 * 1024
# Whoever signs in sends a name and a password, and nobody knows yet who that is.
SIGN_IN_PATHS = ("/api/v1/auth/", "/sign-in/")
SIGN_IN_BYTES = 64 * 1024


class TooManyBytesError(Exception):
    """The body is longer than its route allows."""


class BodyLimitMiddleware:
    """ASGI: end a request whose body passes the limit of its kind, wherever it goes."""

    def __init__(self, app: App, *, photo_bytes: int, clip_bytes: int) -> None:
        self.app = app
        self.json_limit = int(photo_bytes * 10 * BASE64_GROWTH) + SLACK_BYTES
        self.form_limit = clip_bytes + SLACK_BYTES

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = self._limit(scope["path"], headers.get(b"content-type", b""))
        if int(headers.get(b"content-length", b"0") or 0) > limit:
            await _refuse(send)
            return
        try:
            await self.app(scope, _counting(receive, limit), send)
        except TooManyBytesError:
            await _refuse(send)

    def _limit(self, path: str, content_type: bytes) -> int:
        if path.startswith(SIGN_IN_PATHS):
            return SIGN_IN_BYTES
        return self.form_limit if content_type.lower().startswith(b"multipart/") else self.json_limit


def _counting(receive: Receive, limit: int) -> Receive:
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise TooManyBytesError
        return message

    return counted


async def _refuse(send: Send) -> None:
    code = CODES["too_many_bytes"]
    answer = json.dumps(body("too_many_bytes", f"{code.text} {code.remedy}", status=413)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
