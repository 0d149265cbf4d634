"""The only writers of second factors and recovery codes, and whether one that was shown is right."""

import secrets
import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from heirloom.accounts.marks import mark
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.audit.sign_ins import LOGIN
from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place
from heirloom.factors import totp
from heirloom.factors.models import RecoveryCode, SecondFactor

RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are read for others."""
_CODE_LETTERS = 10


def confirmed(user: User) -> QuerySet[SecondFactor]:
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False)


def is_asked_of(user: User) -> bool:
    """Say whether this login has a second factor, which then is asked for at every sign-in."""
    return confirmed(user).exists()


def is_required_of(user: User) -> bool:
    """Say whether a role of this login may not be used without a second factor (SECOND_FACTOR_ROLES)."""
    wanted = set(settings.SECOND_FACTOR_ROLES)
    return bool(wanted & user.roles) or (user.is_superuser and "admin" in wanted)


@transaction.atomic
def begin_totp(*, user: User) -> SecondFactor:
    """Make a code app of which nobody has shown a code yet; an earlier one that was left so is forgotten."""
    for left in SecondFactor.objects.filter(user=user, kind=SecondFactor.Kind.TOTP, confirmed_at=None):
        _forget(left)
    return _kept(user, SecondFactor.Kind.TOTP, "Code app", totp.new_secret())


def secret_of(factor: SecondFactor) -> bytes:
    """Return what is sealed: the secret of a code app, or the public part of a passkey."""
    return crypto.unseal(subject=factor.id, sealed=bytes(factor.sealed), place=_place(factor))


@transaction.atomic
def confirm_totp(*, factor: SecondFactor, code: str) -> bool:
    """Take a code app into use once a code of it was right; one that the login had before goes."""
    held = SecondFactor.objects.select_for_update().get(pk=factor.pk, confirmed_at=None)
    step = totp.step_of(secret_of(held), _digits(code), time.time())
    if step is None:
        return False
    for former in confirmed(held.user).filter(kind=SecondFactor.Kind.TOTP):
        _forget(former)
    held.confirmed_at, held.last_count = timezone.now(), step
    held.save(update_fields=["confirmed_at", "last_count"])
    _audit(Action.SECOND_FACTOR_ADDED, held.user, held.user, kind=held.kind, factor=held.id)
    return True


@transaction.atomic
def add_passkey(*, user: User, name: str, credential: bytes, count: int) -> SecondFactor:
    """Keep a passkey that has just been made."""
    factor = _kept(user, SecondFactor.Kind.PASSKEY, name or "Passkey", credential)
    factor.confirmed_at, factor.last_count = timezone.now(), count
    factor.save(update_fields=["confirmed_at", "last_count"])
    _audit(Action.SECOND_FACTOR_ADDED, user, user, kind=factor.kind, factor=factor.id)
    return factor


@transaction.atomic
def remove(*, factor: SecondFactor, actor: User) -> None:
    """Remove one's own second factor; with the last one go the recovery codes."""
    user = factor.user
    _audit(Action.SECOND_FACTOR_REMOVED, user, actor, kind=factor.kind, factor=factor.id)
    _forget(factor)
    if not is_asked_of(user):
        RecoveryCode.objects.filter(user=user).delete()


@transaction.atomic
def reset(*, user: User, actor: User | None) -> int:
    """Take all second factors from somebody who lost them, with the recovery codes; say how many there were.

    Sessions and tokens of the login are for the caller to end.
    """
    factors = list(SecondFactor.objects.filter(user=user))
    for factor in factors:
        _forget(factor)
    RecoveryCode.objects.filter(user=user).delete()
    _audit(Action.SECOND_FACTOR_RESET, user, actor, count=len(factors))
    return len(factors)


@transaction.atomic
def make_recovery_codes(*, user: User) -> list[str]:
    """Make new recovery codes, shown this once; those from before end."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, mark=_mark(user, one)) for one in codes)
    _audit(Action.RECOVERY_CODES_MADE, user, user, count=len(codes))
    half = _CODE_LETTERS // 2
    return [f"{one[:half]}-{one[half:]}" for one in codes]


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def check(*, user: User, code: str) -> bool:
    """Say whether this is the present code of the login's app, or a recovery code of it; either counts once."""
    digits = _digits(code)
    if len(digits) == totp.DIGITS and digits.isascii() and digits.isdigit():
        return _check_totp(user, digits)
    return _use_recovery_code(user, code)


def counted(*, factor: SecondFactor, count: int) -> bool:
    """Note the count of a code or of a signature; False where it was used before."""
    rows = SecondFactor.objects.filter(pk=factor.pk, last_count__lt=count)
    return bool(rows.update(last_count=count, used_at=timezone.now()))


def _check_totp(user: User, digits: str) -> bool:
    factor = confirmed(user).filter(kind=SecondFactor.Kind.TOTP).first()
    if factor is None:
        return False
    step = totp.step_of(secret_of(factor), digits, time.time())
    return step is not None and counted(factor=factor, count=step)


@transaction.atomic
def _use_recovery_code(user: User, code: str) -> bool:
    typed = "".join(code.lower().split()).replace("-", "")
    rows = RecoveryCode.objects.filter(user=user, mark=_mark(user, typed), used_at=None)
    if not rows.update(used_at=timezone.now()):
        return False
    _audit(Action.RECOVERY_CODE_USED, user, user, left=codes_left(user))
    return True


def _kept(user: User, kind: str, name: str, secret: bytes) -> SecondFactor:
    factor = SecondFactor(user=user, kind=kind, name=name)
    factor.sealed = crypto.seal(subject=factor.id, plaintext=secret, place=_place(factor))
    factor.save(force_insert=True)
    return factor


def _place(factor: SecondFactor) -> Place:
    return Place("factors_secondfactor.sealed", (str(factor.id), str(factor.user_id), factor.kind))


def _forget(factor: SecondFactor) -> None:
    crypto.destroy(subject=factor.id)
    factor.delete()


def _mark(user: User, code: str) -> str:
    return mark("recovery code", str(user.pk), code)


def _digits(code: str) -> str:
    return "".join(code.split())


def _audit(action: Action, user: User, actor: User | None, **details: Any) -> None:
    audit.record(action=action, subject_kind=LOGIN, subject_id=UUID(int=user.pk), actor=actor, details=details)
