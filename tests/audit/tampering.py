"""What the tests of the audit log do to it: as the owner of the database, who may switch its triggers off."""

from collections.abc import Iterable
from uuid import uuid4

from django.db import connection

from heirloom.audit.keys import Keys
from heirloom.audit.models import Action, AuditEvent
from heirloom.audit.services import FIRST_HASH, hash_of, record


def events(count: int) -> list[AuditEvent]:
    return [
        record(action=Action.EVIDENCE_VIEWED, subject_kind="verification", subject_id=uuid4()) for _ in range(count)
    ]


def tamper(*statements: str) -> None:
    """Do what only the owner of the table can: switch the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)


def chain_anew(rows: Iterable[AuditEvent] | None = None, keys: Keys | None = None) -> None:
    """Give every event a number and a hash that fit, as whoever cut the log would; with keys, their codes too."""
    kept = list(rows if rows is not None else AuditEvent.objects.order_by("sequence"))
    tamper("DELETE FROM audit_auditevent")
    head = FIRST_HASH
    for number, event in enumerate(kept, 1):
        event.sequence, event.previous_hash = number, head
        event.hash = head = hash_of(event)
        if keys is not None:
            event.mac = keys.of_event(event.key_id, event.hash)
    AuditEvent.objects.bulk_create(kept)
