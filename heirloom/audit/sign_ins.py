"""Sign-ins in the audit log: which login, through which door, and never a name that somebody typed."""

from typing import Any, Literal
from uuid import UUID

from django.conf import settings

from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent

Door = Literal["api", "portal"]
LOGIN = "login"
# The subject of a try at a name that no login has.
NOBODY = UUID(int=0)


def succeeded(*, user: User, door: Door) -> AuditEvent:
    return audit.record(
        action=Action.SIGN_IN_SUCCEEDED, subject_kind=LOGIN, subject_id=_id(user), actor=user, details={"door": door}
    )


def failed(*, request: Any, username: str, door: Door, reason: str = "") -> AuditEvent | None:
    """Record a refused sign-in after the lock has counted it: as locked if it closed the lock, else as failed.

    Tries at a closed lock are not recorded, or whoever guesses could fill the log.
    """
    failures = getattr(request, "axes_failures_since_start", None) or 0
    if failures > settings.AXES_FAILURE_LIMIT:
        return None
    locked = failures == settings.AXES_FAILURE_LIMIT
    user = User.objects.filter(username=username).first()
    return audit.record(
        action=Action.SIGN_IN_LOCKED if locked else Action.SIGN_IN_FAILED,
        subject_kind=LOGIN,
        subject_id=_id(user) if user else NOBODY,
        details={"door": door, **({"reason": reason} if reason else {})},
    )


def limited(*, username: str, door: Door, by: str) -> AuditEvent:
    """Record that a try was the last one for now, and by which limit; those that follow are counted in /metrics alone.

    The subject is the login where the limit is of its name or of a browser of its own; an address is nobody.
    """
    user = None if by == "address" else User.objects.filter(username=username).first()
    return audit.record(
        action=Action.SIGN_IN_LIMITED,
        subject_kind=LOGIN,
        subject_id=_id(user) if user else NOBODY,
        details={"door": door, "by": by},
    )


def ended(*, user: User, family: UUID) -> AuditEvent:
    """Record that a login signed out, which ended all tokens of one sign-in."""
    return _of_tokens(Action.SIGN_IN_ENDED, user, family, actor=user)


def token_reused(*, user: User, family: UUID) -> AuditEvent:
    """Record that a refresh token came a second time, which ended all tokens of its sign-in."""
    return _of_tokens(Action.TOKEN_REUSED, user, family, actor=None)


def _of_tokens(action: Action, user: User, family: UUID, *, actor: User | None) -> AuditEvent:
    details = {"door": "api", "family": str(family)}
    return audit.record(action=action, subject_kind=LOGIN, subject_id=_id(user), actor=actor, details=details)


def _id(user: User) -> UUID:
    """Return the number of a login as the log writes it: subjects are UUIDs there."""
    return UUID(int=user.pk)
