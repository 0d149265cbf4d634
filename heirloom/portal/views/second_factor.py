"""The second step of signing in: a code of an app, a passkey, or a recovery code."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from heirloom.accounts import gate, tried
from heirloom.accounts.marks import network
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.audit.sign_ins import LOGIN
from heirloom.factors import passkeys
from heirloom.factors import services as factors
from heirloom.portal import signing_in
from heirloom.portal.views.session import locked

STATE = "passkey_asked"


@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor of whoever has just shown a password, and open the session once it is right."""
    waiting = signing_in.pending(request)
    if waiting is None:
        return redirect("sign-in")
    user, onward = waiting
    if request.method != "POST":
        return _page(request, user)
    try:
        right = _is_right(request, user)
    except gate.LimitedError as limited:
        return locked(request, limited)
    if not right:
        _note_failure(user)
        return _page(request, user, wrong=True)
    return signing_in.open_session(request, user, onward, shown=True)


def _is_right(request: HttpRequest, user: User) -> bool:
    """Look at what was shown; raises LimitedError. A passkey is not guessed at, so nobody uses up its tries."""
    answer = request.POST.get("passkey", "")
    if not answer:
        attempt = gate.begin_code(str(user.pk), network(tried.address(request)))
        right = factors.check(user=user, code=request.POST.get("code", ""))
        if right:
            attempt.succeeded()
        return right
    try:
        passkeys.check(request, user, state=request.session.pop(STATE, None), answer=parsed(answer))
    except passkeys.PasskeyRefusedError:
        return False
    return True


def parsed(answer: str) -> dict[str, Any]:
    """Return what a browser answered as JSON; raises PasskeyRefusedError."""
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise passkeys.PasskeyRefusedError from error
    if not isinstance(found, dict):
        raise passkeys.PasskeyRefusedError
    return found


def _page(request: HttpRequest, user: User, *, wrong: bool = False) -> HttpResponse:
    asked = passkeys.begin_showing(request, user) if passkeys.are_possible(request) else None
    if asked:
        request.session[STATE] = asked[1]
    kinds = set(factors.confirmed(user).values_list("kind", flat=True))
    shown = {"wrong": wrong, "kinds": kinds, "passkey": json.dumps(asked[0]) if asked else ""}
    return render(request, "portal/second_factor.html", shown, status=422 if wrong else None)


def _note_failure(user: User) -> None:
    audit.record(
        action=Action.SIGN_IN_FAILED,
        subject_kind=LOGIN,
        subject_id=UUID(int=user.pk),
        details={"door": "second_factor"},
    )
