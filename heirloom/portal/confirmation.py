"""Who does the gravest acts shows again who they are, unless they did within REAUTHENTICATION_MINUTES.

An open session at a desk that somebody left is not that person. What was typed is kept: the page that asks carries it
along, and the act goes on from where it stopped.
"""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from heirloom.accounts import gate
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.audit.sign_ins import LOGIN
from heirloom.factors import services as factors

# What is posted there gives away, ends, or lets somebody do either.
GRAVE = frozenset(
    {
        "export",
        "erase",
        "totp-add",
        "passkey-add",
        "factor-remove",
        "recovery-codes",
        "admin:accounts_user_add",
        "admin:accounts_user_change",
        "admin:auth_user_password_change",
        "admin:api_apikey_add",
        # Its one POST is the reset.
        "admin:factors_secondfactor_changelist",
    }
)
PASSWORD = "confirm_password"  # noqa: S105 - the name of a field
MOST_TRIES = 10
_AT = "confirmed_at"


def confirm(session: SessionBase) -> None:
    """Note that whoever has this session has just shown who they are."""
    session[_AT] = timezone.now().timestamp()


def is_fresh(session: SessionBase) -> bool:
    shown = session.get(_AT)
    return shown is not None and timezone.now().timestamp() - shown < settings.REAUTHENTICATION_MINUTES * 60


def asked(request: HttpRequest) -> dict[str, Any]:
    """Say to templates, when they ask, whether a grave act would be held up."""
    return {
        "must_confirm": lambda: request.user.is_authenticated and not is_fresh(request.session),
        "user_has_factor": lambda: isinstance(request.user, User) and factors.is_asked_of(request.user),
    }


class ConfirmationMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Hold a grave act up until its asker has shown who they are; the view sees nothing of that."""
        match = request.resolver_match
        if request.method != "POST" or match is None or match.view_name not in GRAVE:
            return None
        if not request.user.is_authenticated:
            return None
        shown = request.POST.get(PASSWORD, "")
        _take_out(request)
        if is_fresh(request.session):
            return None
        return _looked_at(request, shown) if shown else _ask(request)


def _looked_at(request: HttpRequest, shown: str) -> HttpResponse | None:
    """Go on with the act where the password is right, else ask again."""
    user = cast(User, request.user)
    try:
        attempt = gate.begin_secret("confirmation", str(user.pk), MOST_TRIES)
    except gate.LimitedError as limited:
        return _ask(request, limited=limited)
    # A code of an app is as good: it is what a password alone is not.
    if not (user.check_password(shown) or factors.check(user=user, code=shown)):
        _note(Action.SIGN_IN_FAILED, user)
        return _ask(request, wrong=True)
    attempt.succeeded()
    request.session.cycle_key()
    confirm(request.session)
    _note(Action.REAUTHENTICATED, user)
    return None


def _ask(request: HttpRequest, *, wrong: bool = False, limited: gate.LimitedError | None = None) -> HttpResponse:
    kept = [(name, value) for name, values in request.POST.lists() for value in values if name != "csrfmiddlewaretoken"]
    shown = {
        "kept": kept,
        "wrong": wrong,
        "minutes": -(-limited.wait_s // 60) if limited else 0,
        "back": request.headers.get("Referer", "") if _is_own(request) else "",
    }
    answer = render(request, "portal/confirm.html", shown, status=429 if limited else 403)
    if limited:
        answer.headers["Retry-After"] = str(limited.wait_s)
    return answer


def _is_own(request: HttpRequest) -> bool:
    return request.headers.get("Referer", "").startswith(f"{request.scheme}://{request.get_host()}/")


def _take_out(request: HttpRequest) -> None:
    """Leave the password out of what the view reads."""
    given = request.POST.copy()
    given.pop(PASSWORD, None)
    request.POST = given  # type: ignore[assignment]  # Django's own requests take one


def _note(action: Action, user: User) -> None:
    audit.record(
        action=action,
        subject_kind=LOGIN,
        subject_id=UUID(int=user.pk),
        actor=user,
        details={"door": "confirmation"},
    )
