"""One's own page: second factors, recovery codes, and what is signed in, each to be ended."""

import json
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

import qrcode
import qrcode.image.svg
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from heirloom.accounts.models import User
from heirloom.api import families
from heirloom.api.models import ApiKey, TokenFamily
from heirloom.factors import passkeys, sessions, totp
from heirloom.factors import services as factors
from heirloom.factors.models import SecondFactor, UserSession
from heirloom.portal import own, signing_in
from heirloom.portal.views.second_factor import STATE, parsed

P = ParamSpec("P")
LONGEST_NAME = 80


class OwnRequest(HttpRequest):
    """A request of somebody who signed in."""

    user: User


def signed_in(view: Callable[Concatenate[OwnRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Let everybody in who signed in: the page is about nobody else."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(cast(OwnRequest, request), *args, **kwargs)

    return guarded


@require_safe
@signed_in
def security(request: OwnRequest) -> HttpResponse:
    user = request.user
    live = TokenFamily.objects.filter(user=user, ended_at=None, expires_at__gt=timezone.now())
    shown = {
        "factors": factors.confirmed(user),
        "required": factors.is_required_of(user),
        "codes_left": factors.codes_left(user),
        "passkeys_possible": passkeys.are_possible(request),
        "sessions": sessions.of(user),
        "present": request.session.session_key,
        "families": live.order_by("-created_at"),
        "keys": ApiKey.objects.live_at(timezone.now()).filter(owner=user).order_by("-created_at"),
    }
    return render(request, "portal/security.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def totp_add(request: OwnRequest) -> HttpResponse:
    """Show a new secret to a code app, and take it once a code of it is right."""
    waiting = SecondFactor.objects.filter(user=request.user, kind=SecondFactor.Kind.TOTP, confirmed_at=None).first()
    code = request.POST.get("code", "")
    if request.method == "POST" and waiting is not None and code:
        if factors.confirm_totp(factor=waiting, code=code):
            return _added(request, "Your code app is set up.")
        return _totp_page(request, waiting, wrong=True)
    fresh = waiting is None or request.method == "POST"
    return _totp_page(request, factors.begin_totp(user=request.user) if fresh or waiting is None else waiting)


def _totp_page(request: OwnRequest, factor: SecondFactor, *, wrong: bool = False) -> HttpResponse:
    secret = factors.secret_of(factor)
    address = totp.address(secret, issuer="Heirloom", account=request.user.username)
    shown = {"secret": totp.typed(secret), "picture": _picture(address), "wrong": wrong}
    return render(request, "portal/totp_add.html", shown, status=422 if wrong else None)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def passkey_add(request: OwnRequest) -> HttpResponse:
    """Have the browser make a passkey, and keep it."""
    wrong = False
    if request.method == "POST":
        try:
            name = request.POST.get("name", "").strip()[:LONGEST_NAME]
            answer, state = parsed(request.POST.get("passkey", "")), request.session.pop(STATE, None)
            passkeys.add(request, request.user, state=state, answer=answer, name=name)
        except passkeys.PasskeyRefusedError:
            wrong = True
        else:
            return _added(request, "Your passkey is set up.")
    if not passkeys.are_possible(request):
        return redirect("security")
    options, request.session[STATE] = passkeys.begin_adding(request, request.user)
    shown = {"options": json.dumps(options), "wrong": wrong}
    return render(request, "portal/passkey_add.html", shown, status=422 if wrong else None)


def _added(request: OwnRequest, words: str) -> HttpResponse:
    """Go on to the recovery codes where there are none yet: they are what helps on the day the factor is lost."""
    request.session[signing_in.SHOWN] = True
    messages.success(request, words)
    if factors.codes_left(request.user):
        return redirect("security")
    request.session.cycle_key()
    return _codes_page(request)


@require_POST
@signed_in
def factor_remove(request: OwnRequest, factor_id: uuid.UUID) -> HttpResponse:
    factor = get_object_or_404(SecondFactor, pk=factor_id, user=request.user)
    if factors.is_required_of(request.user) and factors.confirmed(request.user).count() < 2:
        messages.error(request, "Your role asks for a second factor. Set up another one first.")
        return redirect("security")
    factors.remove(factor=factor, actor=request.user)
    messages.success(request, f"{factor.name} was removed.")
    return redirect("security")


@require_POST
@signed_in
def recovery_codes(request: OwnRequest) -> HttpResponse:
    if not factors.is_asked_of(request.user):
        return redirect("security")
    return _codes_page(request)


def _codes_page(request: OwnRequest) -> HttpResponse:
    """Show new codes in this one answer; nobody shows them again."""
    codes = factors.make_recovery_codes(user=request.user)
    return render(request, "portal/recovery_codes.html", {"codes": codes})


@require_POST
@signed_in
def session_end(request: OwnRequest, session_id: uuid.UUID) -> HttpResponse:
    held = get_object_or_404(UserSession, pk=session_id, user=request.user)
    sessions.end(held=held, actor=request.user)
    return redirect("security")


@require_POST
@signed_in
def tokens_end(request: OwnRequest, family_id: uuid.UUID) -> HttpResponse:
    families.end_one(family=get_object_or_404(TokenFamily, pk=family_id, user=request.user))
    return redirect("security")


@require_POST
@signed_in
def end_others(request: OwnRequest) -> HttpResponse:
    count = own.end_everything(user=request.user, actor=request.user, but=request.session.session_key)
    messages.success(request, f"{count} ended. Only this browser is signed in now.")
    return redirect("security")


def _picture(address: str) -> SafeString:
    """Return a QR code as inline SVG; it holds nothing of what anybody typed but as black squares."""
    image = qrcode.make(address, image_factory=qrcode.image.svg.SvgPathImage, box_size=12)
    return SafeString(image.to_string(encoding="unicode"))  # nosec B703 - drawn here of black squares
