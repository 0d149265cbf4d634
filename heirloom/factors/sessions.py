"""Sessions of the pages: they begin at a sign-in, end after a while without use, and their owner sees and ends them."""

import re
from datetime import timedelta
from importlib import import_module
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.audit.sign_ins import LOGIN
from heirloom.factors.models import UserSession

NOTED_EVERY_S = 60
_BEGAN, _SEEN = "began_at", "seen_at"
_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = re.compile(r"Windows|Android|iPhone|iPad|Mac OS X|CrOS|Linux")


def begin(session: SessionBase) -> None:
    """Note when a session began; one without that is taken for over."""
    session[_BEGAN] = session[_SEEN] = timezone.now().timestamp()


def is_over(session: SessionBase) -> bool:
    """Say whether it was not used for SESSION_IDLE_MINUTES, or began longer ago than any may last."""
    now, began, seen = timezone.now().timestamp(), session.get(_BEGAN), session.get(_SEEN)
    if began is None or seen is None:
        return True
    return bool(now - seen > settings.SESSION_IDLE_MINUTES * 60 or now - began > settings.SESSION_COOKIE_AGE)


def note_use(request: HttpRequest) -> None:
    """Note at most once a minute that somebody uses a session, and under which key it goes now."""
    session, now = request.session, timezone.now()
    key = session.session_key
    stale = now.timestamp() - session.get(_SEEN, 0) >= NOTED_EVERY_S
    if not key or not (stale or session.get("noted_as") != key):
        return
    former = session.get("noted_as") or key
    session[_SEEN], session["noted_as"] = now.timestamp(), key
    user = cast(User, request.user)
    if UserSession.objects.filter(session_key=former, user=user).update(session_key=key, seen_at=now):
        return
    UserSession.objects.update_or_create(
        session_key=key, defaults={"user": user, "seen_at": now, "browser": _browser(request)}
    )


def of(user: User) -> QuerySet[UserSession]:
    """Return the sessions that are open, as far as the clock says; what is over is forgotten here."""
    now = timezone.now()
    oldest = now - timedelta(minutes=settings.SESSION_IDLE_MINUTES + 1)
    UserSession.objects.filter(user=user, seen_at__lt=oldest).delete()
    return UserSession.objects.filter(user=user)


@transaction.atomic
def end(*, held: UserSession, actor: User | None) -> None:
    """End a session: whoever has it is signed out at the next click."""
    _store(held.session_key).delete()
    audit.record(
        action=Action.SESSION_ENDED,
        subject_kind=LOGIN,
        subject_id=UUID(int=held.user_id),
        actor=actor,
        details={"door": "portal"},
    )
    held.delete()


def forget(session: SessionBase) -> None:
    """Let a session go whose owner signs out."""
    UserSession.objects.filter(session_key=session.session_key or "").delete()


def end_all(*, user: User, actor: User | None, but: str | None = None) -> int:
    """End all sessions of a login, but the one with this key; say how many."""
    rows = list(UserSession.objects.filter(user=user).exclude(session_key=but or ""))
    for held in rows:
        end(held=held, actor=actor)
    return len(rows)


def _store(key: str) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def _browser(request: HttpRequest) -> str:
    """Return what a browser calls itself, in two words that its owner knows it by."""
    told = request.headers.get("User-Agent", "")
    browser = next((name for part, name in _BROWSERS if part in told), "A browser")
    system = _SYSTEMS.search(told)
    return f"{browser} on {system[0]}" if system else browser
