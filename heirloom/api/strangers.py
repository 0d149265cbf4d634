"""Long bodies are taken from the known alone: Django spools a body to the disk before any view asks who sends it."""

import asyncio
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from io import BytesIO
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest

from heirloom.api import authentication, keys
from heirloom.api.body_limits import LIMIT_KEY, App, Message, Receive, Send
from heirloom.api.jwts import TokenRefusedError
from heirloom.api.routes import ORDINARY_BYTES
from heirloom.errors import Refusal

API = "/api/"
LOOKS_AT_ONCE = 4
_looks = ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="strangers")


class StrangersUnread:
    """ASGI: whoever sends much without a credential that opens anything is answered as if the body were empty.

    So the answer is the view's own (401; 403 in the portal, for lack of a CSRF token), and nothing of the body is kept
    or waited for.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_long(scope) or await _is_known(scope):
            await self.app(scope, receive, send)
        else:
            headers = [each for each in scope["headers"] if each[0] not in {b"content-length", b"transfer-encoding"}]
            await self.app({**scope, "headers": headers}, _empty(), _closing(send))


def _is_long(scope: MutableMapping[str, Any]) -> bool:
    """Say whether a body may hold a file by its address, and does not say that it is shorter than any."""
    if scope.get(LIMIT_KEY, ORDINARY_BYTES) <= ORDINARY_BYTES:
        return False
    headers = dict(scope["headers"])
    stated = headers.get(b"content-length", b"").strip()
    if stated.isdigit():
        return int(stated) > ORDINARY_BYTES
    return bool(stated) or b"transfer-encoding" in headers


async def _is_known(scope: MutableMapping[str, Any]) -> bool:
    return bool(await database_sync_to_async(_knows, thread_sensitive=False, executor=_looks)(scope))


def _knows(scope: MutableMapping[str, Any]) -> bool:
    request = ASGIRequest({**scope, "method": "GET"}, BytesIO())
    if not request.path_info.startswith(API):
        store = import_module(settings.SESSION_ENGINE).SessionStore
        request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        return _has_a_part(get_user(request))
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() == "bearer":
            return _has_a_part(authentication.holder(token.strip().encode("latin-1")))
        return _has_a_part(keys.holder(request.headers.get(authentication.HEADER, "")))
    except (TokenRefusedError, keys.KeyRefusedError, Refusal):
        return False  # and the view says why


def _has_a_part(user: Any) -> bool:
    """Say whether a login may do anything here: where sign-up elsewhere is open, one without a role is anybody's."""
    return bool(user.is_authenticated and (user.is_superuser or user.roles))


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
