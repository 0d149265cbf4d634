"""Our own tokens: a short one for access, and one that is traded for the next pair and good for that once.

All that descend from one sign-in are a family. A refresh token that comes again after it was traded is in two hands,
and nobody can tell which of them is the thief's: the family ends, with every access token of it.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from heirloom.accounts.models import User
from heirloom.api.jwts import LONGEST, TokenRefusedError
from heirloom.api.models import TokenFamily
from heirloom.audit import sign_ins

GRACE = timedelta(seconds=10)
"""A double click, or two tabs, refresh with one token at once. The later of them gets the very tokens' successor that
the earlier got, not another: the family never branches, so whoever stole one of them is still found at the next trade.
"""
KEPT_AFTER_EXPIRY = timedelta(days=1)
FAMILY = "sid"
_BAD_CLAIMS = (TokenError, KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError)


@dataclass(frozen=True, slots=True)
class Pair:
    access: str
    refresh: str


@dataclass(frozen=True, slots=True)
class _Claims:
    family: UUID
    user: str
    id: str


def begin(*, user: User) -> Pair:
    """Make the first tokens of a sign-in."""
    family = TokenFamily(user=user, password_mark=user.get_session_auth_hash())
    _renew(family, timezone.now())
    family.save(force_insert=True)
    return _pair(family)


def refresh(*, token: str) -> Pair:
    """Trade a refresh token for the next pair.

    Raises TokenRefusedError; for one that was traded before, longer ago than GRACE or before the last trade, the family
    has ended by then and the audit log says so.
    """
    claims = _read(RefreshToken, token.encode())
    with transaction.atomic():
        family = _held(claims)
        _require_live(family, claims)
        now = timezone.now()
        if constant_time_compare(claims.id, family.present_jti):
            family.former_jti = family.present_jti
            _renew(family, now)
            family.save(update_fields=["present_jti", "former_jti", "rotated_at", "expires_at"])
        elif claims.id != family.former_jti or now > family.rotated_at + GRACE:
            _end(family, TokenFamily.End.REUSED, now)
            sign_ins.token_reused(user=family.user, family=family.id)
    if family.ended_at is not None:
        raise TokenRefusedError
    return _pair(family)


def end(*, token: str) -> None:
    """Sign out: end all tokens of the family that a refresh token is of, whichever of them it is.

    What is no token of ours, or ended or expired already, changes nothing.
    """
    try:
        claims = _read(RefreshToken, token.encode())
        with transaction.atomic():
            family = _held(claims)
            if family.ended_at is None:
                _end(family, TokenFamily.End.SIGNED_OUT, timezone.now())
                sign_ins.ended(user=family.user, family=family.id)
    except TokenRefusedError:
        return


@transaction.atomic
def end_all(*, user: User) -> int:
    """End every sign-in by token of a login; say how many."""
    held = list(TokenFamily.objects.select_for_update().filter(user=user, ended_at=None))
    for family in held:
        _end(family, TokenFamily.End.SIGNED_OUT, timezone.now())
        sign_ins.ended(user=user, family=family.id)
    return len(held)


def end_one(*, family: TokenFamily) -> None:
    """End one sign-in by token, whose owner sees it among the others."""
    with transaction.atomic():
        held = TokenFamily.objects.select_for_update(of=("self",)).select_related("user").get(pk=family.pk)
        if held.ended_at is None:
            _end(held, TokenFamily.End.SIGNED_OUT, timezone.now())
            sign_ins.ended(user=held.user, family=held.id)


def holder(raw: bytes) -> User:
    """Return the login that an access token speaks for; raises TokenRefusedError."""
    claims = _read(AccessToken, raw)
    family = TokenFamily.objects.select_related("user").filter(pk=claims.family).first()
    if family is None:
        raise TokenRefusedError
    _require_live(family, claims)
    family.user.signed_in_at = family.created_at
    return family.user


def sweep() -> int:
    """Forget the families whose last token has expired; say how many."""
    gone, _ = TokenFamily.objects.filter(expires_at__lt=timezone.now() - KEPT_AFTER_EXPIRY).delete()
    return gone


def _held(claims: _Claims) -> TokenFamily:
    rows = TokenFamily.objects.select_for_update(of=("self",)).select_related("user")
    family = rows.filter(pk=claims.family).first()
    if family is None:
        raise TokenRefusedError
    return family


def _require_live(family: TokenFamily, claims: _Claims) -> None:
    user = family.user
    fits = str(user.pk) == claims.user and constant_time_compare(family.password_mark, user.get_session_auth_hash())
    if family.ended_at is not None or not fits or not user.is_active or user.must_change_password:
        raise TokenRefusedError


def _renew(family: TokenFamily, now: datetime) -> None:
    family.present_jti, family.rotated_at = uuid.uuid4().hex, now
    family.expires_at = now + _lifetime(RefreshToken)


def _end(family: TokenFamily, why: TokenFamily.End, now: datetime) -> None:
    family.ended_at, family.ended_by = now, why
    family.save(update_fields=["ended_at", "ended_by"])


def _pair(family: TokenFamily) -> Pair:
    """Return a new access token, and the refresh token that is good now: the same to the byte, however often."""
    access, kept = AccessToken(), RefreshToken()
    for token in (access, kept):
        token["sub"], token[FAMILY] = str(family.user_id), str(family.id)
    kept["jti"] = family.present_jti
    kept.set_iat(at_time=family.rotated_at)
    kept.set_exp(from_time=family.expires_at, lifetime=timedelta())
    return Pair(str(access), str(kept))


def _read(kind: type[Token], raw: bytes) -> _Claims:
    """Verify a token of ours: signature, kind, issuer, audience, times, and that no claim is missing."""
    if len(raw) > LONGEST:
        raise TokenRefusedError
    try:
        token = kind(raw)  # type: ignore[arg-type]  # simplejwt's own views hand it text as well
        if token.get("iat") is None:
            raise TokenRefusedError
        return _Claims(UUID(token[FAMILY]), str(token["sub"]), str(token["jti"]))
    except _BAD_CLAIMS as error:
        raise TokenRefusedError from error


def _lifetime(kind: type[Token]) -> timedelta:
    if kind.lifetime is None:
        raise TypeError(f"{kind.__name__} has no lifetime")
    return kind.lifetime
