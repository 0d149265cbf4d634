"""Acts on logins in the audit log: what each was before and after, in ids and codes. Named by LOGIN_RECORDER."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from heirloom.accounts.models import UnrecordedWrite, User
from heirloom.accounts.recording import Hidden
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.audit.sign_ins import LOGIN, NOBODY

MOST_TOLD_AT_ONCE = 100


def record(*, code: str, user: User | None, actor: User | None, details: Mapping[str, object]) -> None:
    """Write down an act on a login; without one it concerns all of them."""
    audit.record(
        action=Action(code),
        subject_kind=LOGIN,
        subject_id=UUID(int=user.pk) if user else NOBODY,
        actor=actor,
        details={name: _kept(value) for name, value in details.items()},
    )


@transaction.atomic
def tell_unrecorded() -> int:
    """Write down what the database noted of logins that were written past their service; return how many.

    The notes stay; the last one told stands in the log itself, so nobody need be able to change a note.
    """
    last = AuditEvent.objects.filter(action=Action.WRITTEN_PAST_SERVICE).order_by("-sequence").first()
    noted = UnrecordedWrite.objects.filter(pk__gt=int(last.details["note"]) if last else 0).order_by("pk")
    told = list(noted[:MOST_TOLD_AT_ONCE])
    for note in told:
        audit.record(
            action=Action.WRITTEN_PAST_SERVICE,
            subject_kind=LOGIN,
            subject_id=UUID(int=note.login_id) if note.login_id else NOBODY,
            details={
                "note": note.pk,
                "at": note.at.isoformat(),
                "table": note.table_name,
                "operation": note.operation,
                "columns": note.columns,
                "database_role": note.database_role,
            },
        )
    return len(told)


def _kept(value: object) -> object:
    """Return a value as the log may keep it: of a hidden text a keyed code, "" of an empty one."""
    if isinstance(value, Hidden):
        return audit.fingerprint(value) if value else ""
    if isinstance(value, Mapping):
        return {name: _kept(one) for name, one in value.items()}
    return value
