"""The one writer of the audit log, and its proof."""

import json
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from heirloom.accounts.models import User
from heirloom.audit import chain, keys
from heirloom.audit.anchors.anchor import Kept
from heirloom.audit.chain import FIRST_HASH, VerifyResult, hash_of
from heirloom.audit.models import Action, AuditEvent

__all__ = ["FIRST_HASH", "VerifyResult", "begin_epoch", "fingerprint", "hash_of", "record", "verify"]

SYSTEM = "system"
LOG = UUID(int=3)
"""The subject of events about the log itself."""
# Any fixed number; whoever appends holds this advisory lock until its transaction ends.
_APPEND_LOCK = 0x6865_6972_6C6F_6F6D


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
    event = AuditEvent(
        actor_kind="user" if actor else SYSTEM,
        actor_id=str(actor.pk) if actor else "",
        action=Action(action),
        subject_kind=subject_kind,
        subject_id=subject_id,
        details=_plain({**(details or {}), **_key_of(actor)}),
    )
    with transaction.atomic():
        last = _last_of_epoch()
        _append(event, last, last.key_id if last else keys.of_ring().first)
    return event


def actors(*, subject_id: UUID | None, actions: Collection[Action]) -> set[int]:
    """Return the ids of the logins that did one of these to a subject."""
    if subject_id is None:
        return set()
    events = AuditEvent.objects.filter(subject_id=subject_id, action__in=actions, actor_kind="user")
    return {int(actor) for actor in events.values_list("actor_id", flat=True)}


def begin_epoch() -> bool:
    """Have the first key of the ring vouch for events from now on; say whether another did before.

    Called where every process has the new ring: one that has not would begin an epoch of its own.
    """
    with transaction.atomic():
        last = _held_last()
        if last is None or last.key_id == keys.of_ring().first:
            return False
        _begin(last)
    return True


def verify(kept: Iterable[Kept] = ()) -> VerifyResult:
    """Walk along the whole log, in constant memory, and compare it with anchors of it.

    Rows that were cut off at the end since the last anchor are not seen: `unanchored` says how many could be.
    """
    return chain.walk(AuditEvent.objects.order_by("sequence").iterator(chunk_size=2000), keys.of_ring(), kept)


def fingerprint(text: str) -> str:
    """Return a keyed code of a text that must not stand in the log: equal for equal texts as long as the key is."""
    return keys.of_ring().of_text(text)[:16]


def _held_last() -> AuditEvent | None:
    """Return the last event, and keep others from appending until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_APPEND_LOCK])
    return AuditEvent.objects.order_by("-sequence").only("sequence", "hash", "key_id").first()


def _last_of_epoch() -> AuditEvent | None:
    """Return the last event as `_held_last` does, after an event of its own where another key has to go on."""
    last = _held_last()
    return last if last is None or last.key_id in keys.of_ring() else _begin(last)


def _begin(last: AuditEvent) -> AuditEvent:
    """Append that from here on another key vouches: for all that came before too, as it stands now."""
    key_id = keys.of_ring().first
    details = {"ring_key": key_id, "events": last.sequence, **({"before": last.key_id} if last.key_id else {})}
    event = AuditEvent(
        actor_kind=SYSTEM,
        action=Action.AUDIT_EPOCH_BEGAN if last.key_id else Action.AUDIT_KEYED,
        subject_kind="audit_log",
        subject_id=LOG,
        details=details,
    )
    _append(event, last, key_id)
    return event


def _append(event: AuditEvent, last: AuditEvent | None, key_id: str) -> None:
    event.sequence, event.previous_hash = (last.sequence + 1, last.hash) if last else (1, FIRST_HASH)
    event.at = timezone.now()
    event.hash = hash_of(event)
    event.key_id, event.mac = key_id, keys.of_ring().of_event(key_id, event.hash)
    event.save(force_insert=True)


def _key_of(actor: User | None) -> dict[str, object]:
    return {} if actor is None or actor.api_key_id is None else {"api_key": actor.api_key_id}


def _plain(details: Mapping[str, object]) -> dict[str, object]:
    """Return what comes back from the database as it went in: PostgreSQL rewrites fractions, so they become text."""
    text = json.dumps(details, default=str)
    plain: dict[str, object] = json.loads(text, parse_float=str, parse_constant=str)
    return plain
