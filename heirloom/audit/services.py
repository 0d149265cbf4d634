"""The one writer of the audit log, and its proof."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from heirloom.accounts.models import User
from heirloom.audit.models import Action, AuditEvent

FIRST_HASH = "0" * 64
SYSTEM = "system"
# Any fixed number; whoever appends holds this advisory lock until its transaction ends.
_APPEND_LOCK = 0x6865_6972_6C6F_6F6D


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a walk along the whole chain found; `broken_at` is the sequence of the first row that does not hold."""

    events: int
    head: str
    broken_at: int | None = None
    fault: str = ""

    @property
    def intact(self) -> bool:
        return self.broken_at is None


def record(
    *,
    action: Action,
    subject_kind: str,
    subject_id: UUID,
    actor: User | None = None,
    details: Mapping[str, object] | None = None,
) -> AuditEvent:
    """Append an event in the caller's transaction, so that it is kept if and only if the act is.

    `details` holds ids, codes and numbers only. Appends wait for each other until the transaction ends: record last.
    Without an actor it was the system itself; of an actor that came with an API key, the key's id is noted too.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_APPEND_LOCK])
        last = AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash").first() or (0, FIRST_HASH)
        event = AuditEvent(
            sequence=last[0] + 1,
            at=timezone.now(),
            actor_kind="user" if actor else SYSTEM,
            actor_id=str(actor.pk) if actor else "",
            action=Action(action),
            subject_kind=subject_kind,
            subject_id=subject_id,
            details=_plain({**(details or {}), **_key_of(actor)}),
            previous_hash=last[1],
        )
        event.hash = hash_of(event)
        event.save(force_insert=True)
    return event


def verify() -> VerifyResult:
    """Walk the chain from its beginning, in constant memory, up to the first row that does not hold.

    Rows that were cut off at the end are seen only by comparing `events` and `head` with figures kept elsewhere.
    """
    count, head = 0, FIRST_HASH
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=2000):
        if fault := _fault(event, count + 1, head):
            return VerifyResult(count, head, event.sequence, fault)
        count, head = count + 1, event.hash
    return VerifyResult(count, head)


def hash_of(event: AuditEvent) -> str:
    """Return the SHA-256 (hex) of an event's canonical JSON: sorted keys, no spaces, UTC time with microseconds."""
    body = {
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": [event.actor_kind, event.actor_id],
        "action": str(event.action),
        "subject": [event.subject_kind, str(event.subject_id)],
        "details": event.details,
        "previous": event.previous_hash,
    }
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _key_of(actor: User | None) -> dict[str, object]:
    return {} if actor is None or actor.api_key_id is None else {"api_key": actor.api_key_id}


def _plain(details: Mapping[str, object]) -> dict[str, object]:
    """Return what comes back from the database as it went in: PostgreSQL rewrites fractions, so they become text."""
    text = json.dumps(details, default=str)
    plain: dict[str, object] = json.loads(text, parse_float=str, parse_constant=str)
    return plain


def _fault(event: AuditEvent, sequence: int, previous_hash: str) -> str:
    if event.sequence != sequence:
        return f"event {sequence} is missing"
    if event.previous_hash != previous_hash:
        return "not chained to the event before it"
    return "" if event.hash == hash_of(event) else "changed since it was written"
