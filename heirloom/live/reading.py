"""What a caller sees of a subject now: the very answer that GET gives at its address, by the same view.

So authentication, permissions, what is visible and what is left out are decided in one place, and anew at each look.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from io import BytesIO
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.utils.module_loading import import_string
from rest_framework.response import Response

from heirloom.accounts.models import User
from heirloom.jobs import news

Scope = Mapping[str, Any]
ROOT = "/ws/v1/"
PROTOCOL = "heirloom.v1"
BEARER = "bearer."
DONE = "done"


class Close(IntEnum):
    """Why a socket ends. Those from 4400 on are ours: 4000 and the HTTP status that the same call would get."""

    DONE = 1000
    TOO_MUCH_SENT = 1008
    FAILED = 1011
    LATER = 1013
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    TIMED_OUT = 4408


_REFUSALS = {401: Close.UNAUTHENTICATED, 403: Close.FORBIDDEN, 404: Close.NOT_FOUND, 429: Close.LATER}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a socket follows. kind: one of settings.LIVE_KINDS."""

    kind: str
    id: UUID

    @property
    def topic(self) -> str:
        return news.topic(self.kind, self.id)

    @property
    def path(self) -> str:
        return f"/api/v1/{self.kind}s/{self.id}/"


@dataclass(frozen=True, slots=True)
class State:
    """What one look found. text: the JSON that GET answers; close: why the socket ends with this, None if it goes on.

    number: states are as new as the looks that found them began. caller: whose sockets are counted together.
    """

    number: int
    text: str = ""
    close: Close | None = None
    reason: str = ""
    caller: str = ""


def address(kind: str, subject_id: UUID) -> str:
    """Return where a subject is followed."""
    return f"{ROOT}{kind}s/{subject_id}/"


def find(path: str) -> Subject | None:
    """Return what an address below /ws/v1/ follows, with or without its last slash; None if it is nothing."""
    name, _, subject_id = path.removeprefix(ROOT).removesuffix("/").partition("/")
    kind = name.removesuffix("s")
    if not path.startswith(ROOT) or f"{kind}s" != name or kind not in settings.LIVE_KINDS:
        return None
    try:
        return Subject(kind, UUID(subject_id))
    except ValueError:
        return None


def credential(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that say who asks; a browser, which may set none, names its token as a subprotocol.

    Cookies say nothing here: whoever lured a browser to this address would otherwise be answered in its user's name.
    """
    sent = [(name, value) for name, value in scope["headers"] if name in {b"authorization", b"x-api-key"}]
    token = next((one.removeprefix(BEARER) for one in scope["subprotocols"] if one.startswith(BEARER)), None)
    if token is not None and not any(name == b"authorization" for name, _ in sent):
        sent.append((b"authorization", f"Bearer {token}".encode("latin-1")))
    return tuple(sent)


def look(subject: Subject, scope: Scope, *, number: int, is_first: bool) -> State | None:
    """Return what GET answers this caller now; None when it cannot be said at the moment (5xx).

    Only the first look counts as a request to the throttle: how often a subject changes is not the caller's doing.
    """
    request = _request(subject, scope)
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return State(number, close=Close.FORBIDDEN, reason="https_required")
    response = _view(subject.kind, is_first)(request, pk=str(subject.id))
    if response.status_code >= 500:
        return None
    if response.status_code != 200:
        return State(number, close=_REFUSALS[response.status_code], reason=response.data["errors"][0]["code"])
    is_done = response.data["status"] == DONE
    return State(
        number,
        text=response.render().content.decode(),
        close=Close.DONE if is_done else None,
        caller=_ident(request.user),
    )


@cache
def _view(kind: str, is_first: bool) -> Callable[..., Response]:
    options: dict[str, Any] = {} if is_first else {"throttle_classes": []}
    view: Callable[..., Response] = import_string(settings.LIVE_KINDS[kind]).as_view({"get": "retrieve"}, **options)
    return view


def _request(subject: Subject, scope: Scope) -> ASGIRequest:
    known = [(name, value) for name, value in scope["headers"] if name.startswith(b"x-forwarded-")]
    as_http = {
        "method": "GET",
        "path": subject.path,
        "scheme": "https" if scope["scheme"] == "wss" else "http",
        "client": scope.get("client"),
        "server": scope.get("server"),
        "headers": [*known, *credential(scope)],
    }
    return ASGIRequest(as_http, BytesIO())


def _ident(user: Any) -> str:
    """Each API key is a caller of its own, as to the throttle."""
    if isinstance(user, User) and user.api_key_id is not None:
        return f"key {user.api_key_id}"
    return f"login {user.pk}"
