"""Long bodies are taken from the known alone: Django spools a body to the disk before any view asks who sends it."""

import asyncio
from collections.abc import MutableMapping
from importlib import import_module
from io import BytesIO
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest

from heirloom.api import authentication, keys
from heirloom.api.body_limits import ORDINARY_BYTES, App, Message, Receive, Send
from heirloom.api.jwts import TokenRefusedError
from heirloom.errors import Refusal

API = "/api/"


class StrangersUnread:
    """ASGI: whoever sends much without a credential that opens anything is answered as if the body were empty.

    So the answer is the view's own, 401 or the way to sign in, and nothing of the body is kept or waited for.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_long(dict(scope["headers"])) or await _is_known(scope):
            await self.app(scope, receive, send)
        else:
            headers = [each for each in scope["headers"] if each[0] not in {b"content-length", b"transfer-encoding"}]
            await self.app({**scope, "headers": headers}, _empty(), _closing(send))


def _is_long(headers: dict[bytes, bytes]) -> bool:
    """Say whether a body is longer than any without a file, or does not tell how long it is."""
    stated = headers.get(b"content-length", b"")
    return int(stated) > ORDINARY_BYTES if stated.isdigit() else b"transfer-encoding" in headers


async def _is_known(scope: MutableMapping[str, Any]) -> bool:
    return bool(await database_sync_to_async(_knows, thread_sensitive=False)(scope))


def _knows(scope: MutableMapping[str, Any]) -> bool:
    request = ASGIRequest({**scope, "method": "GET"}, BytesIO())
    if not request.path_info.startswith(API):
        store = import_module(settings.SESSION_ENGINE).SessionStore
        request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        return get_user(request).is_authenticated
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() == "bearer":
            return authentication.holder(token.strip().encode("latin-1")).is_authenticated
        return keys.holder(request.headers.get(authentication.HEADER, "")).is_authenticated
    except (TokenRefusedError, keys.KeyRefusedError, Refusal):
        return False  # and the view says why


def _empty() -> Receive:
    """Return a `receive` that tells of an empty body, and after it of nothing more."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            await asyncio.Future()
        told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


def _closing(send: Send) -> Send:
    """Return a `send` that ends the connection, on which the rest of the body may still come."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return answer
