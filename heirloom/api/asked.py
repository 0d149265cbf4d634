"""What is told of a request: its id, in every answer and line of the log; and a line where it is refused.

The line names who asked by number and from which address, for an operator who must stop somebody: no name, no address
of a page with what stands in it, nothing that was sent.
"""

import logging
from collections.abc import MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from heirloom import request_ids
from heirloom.accounts.models import User
from heirloom.api.body_limits import App, Message, Receive, Send
from heirloom.api.routes import route_of

SCOPE_KEY = "heirloom.asked"
# What an operator may have to act on: not signed in, not allowed, too slow, too large, of the wrong kind, too often.
REFUSED = frozenset({401, 403, 408, 413, 415, 429})
# Of one address, status and route so often: whoever is refused a thousand times a second does not wash the log away.
AGAIN_S = 60
logger = logging.getLogger(__name__)


@dataclass
class Asked:
    """What Django found out about a request. caller: of whom, by number. route: the pattern of its address."""

    caller: str = ""
    route: str = ""


class RequestIds:
    """ASGI, outermost: every request has an id, and a refused one a line."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        request_id, asked = request_ids.taken(headers.get(b"x-request-id", b"").decode("latin-1")), Asked()

        async def told(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                own = (b"x-request-id", request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), own]}
                if message.get("status") in REFUSED:
                    _tell(scope, headers, asked, message["status"])
            await send(message)

        # No copy: what the applications within blank out of it is blanked out of what the server logs.
        scope[SCOPE_KEY] = asked
        with request_ids.carried(request_id):
            await self.app(scope, receive, told)


class AskedMiddleware:
    """Note for the line of a refusal what only Django knows: which route it was, and whose request."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        asked = getattr(request, "scope", {}).get(SCOPE_KEY)
        if isinstance(asked, Asked) and response.status_code in REFUSED:
            asked.route = request.resolver_match.route if request.resolver_match else ""
            asked.caller = _caller(getattr(request, "user", None))
        return response


def _caller(user: Any) -> str:
    if not isinstance(user, User):
        return ""
    return f"login {user.pk}" + (f" key {user.api_key_id}" if user.api_key_id is not None else "")


def _tell(scope: MutableMapping[str, Any], headers: dict[bytes, bytes], asked: Asked, status: int) -> None:
    address = _address(scope, headers)
    route = asked.route or route_of(scope["path"]).path.pattern
    if cache.add(f"refused:{address}:{status}:{route}", 1, timeout=AGAIN_S):
        who = asked.caller or "nobody known"
        logger.warning("refused with %d: %s %s, %s, from %s", status, scope["method"], route, who, address)


def _address(scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> str:
    """Return where a request comes from, with as many proxies in front as NUM_PROXIES says."""
    proxies = int(settings.REST_FRAMEWORK["NUM_PROXIES"])  # type: ignore[call-overload]
    passed = [part.strip() for part in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")]
    client = str((scope.get("client") or ("",))[0])
    found = passed[-min(proxies, len(passed))] if proxies and passed != [""] else client
    try:
        return str(ip_address(found))
    except ValueError:
        return "an unknown address"
