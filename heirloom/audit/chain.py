"""What an event's hash is, and a walk along a whole log: from the database or from a file that was exported."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from heirloom.audit.anchors.anchor import Anchor, Kept
from heirloom.audit.keys import Keys
from heirloom.audit.models import AuditEvent

FIRST_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a walk along the whole log found.

    broken_at: the sequence of the first event that does not hold. unkeyed: how many events, the oldest, are from before
    events were keyed. proved_to: the last event that a key at hand vouches for, with all before it. anchored_to: the
    last event that an anchor agrees with. doubts: what speaks against the log as a whole, or against an anchor.
    """

    events: int
    head: str
    broken_at: int | None = None
    fault: str = ""
    unkeyed: int = 0
    proved_to: int = 0
    anchored_to: int = 0
    anchored_by: str = ""
    anchored_at: datetime | None = None
    stamped_to: int = 0
    anchors: int = 0
    doubts: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        return self.broken_at is None and not self.doubts

    @property
    def unanchored(self) -> int:
        """How many events, the newest, could have been cut off together with others that nobody remembers."""
        return self.events - self.anchored_to


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


def walk(events: Iterable[AuditEvent], keys: Keys, kept: Iterable[Kept] = ()) -> VerifyResult:
    """Walk along a log from its beginning, in constant memory, up to the first event that does not hold.

    An event holds if its hash fits, if it is chained to the one before it, and if the code of its key fits, where that
    key is at hand. A hash covers all events before it, so what a key vouches for covers those whose own key has gone.
    Events without a key are the oldest ones alone. An anchor must find the event it names, with the hash it names.
    """
    return _Walk(keys, sorted(kept, key=lambda one: one.anchor.sequence)).along(events)


@dataclass
class _Walk:
    keys: Keys
    kept: list[Kept]
    count: int = 0
    head: str = FIRST_HASH
    unkeyed: int = 0
    proved_to: int = 0
    agreed: list[Kept] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def along(self, events: Iterable[AuditEvent]) -> VerifyResult:
        waiting = iter(self.kept)
        awaited = next(waiting, None)
        for event in events:
            if fault := self._fault(event):
                return self._result(broken_at=event.sequence, fault=fault)
            self.count, self.head = self.count + 1, event.hash
            while awaited is not None and awaited.anchor.sequence <= self.count:
                self._compare(awaited)
                awaited = next(waiting, None)
        while awaited is not None:
            self._compare(awaited)
            awaited = next(waiting, None)
        self._judge_end()
        return self._result()

    def _fault(self, event: AuditEvent) -> str:
        if event.sequence != self.count + 1:
            return f"event {self.count + 1} is missing"
        if event.previous_hash != self.head:
            return "not chained to the event before it"
        if event.hash != hash_of(event):
            return "changed since it was written"
        if not event.key_id:
            return self._without_key(event)
        if event.key_id in self.keys:
            if not hmac.compare_digest(event.mac, self.keys.of_event(event.key_id, event.hash)):
                return "not vouched for by its key: written, or chained anew, by somebody without the key ring"
            self.proved_to = event.sequence
        return ""

    def _without_key(self, event: AuditEvent) -> str:
        if self.unkeyed != self.count:
            return "without the code of a key, after events that have one"
        self.unkeyed += 1
        return ""

    def _compare(self, kept: Kept) -> None:
        anchor, where = kept.anchor, f"the anchor of event {kept.anchor.sequence} ({kept.place})"
        if kept.doubt:
            self.doubts.append(f"{where} {kept.doubt}")
        elif anchor.sequence > self.count:
            self.doubts.append(f"{where} is of an event that is gone: the log ends at {self.count}, so its end was cut")
        elif anchor.hash != self.head:
            self.doubts.append(f"{where} has another hash: events up to there were changed and chained anew")
        else:
            self.agreed.append(kept)

    def _judge_end(self) -> None:
        if self.count and self.unkeyed == self.count:
            self.doubts.append("no event has the code of a key; `manage.py prepare` begins that for older logs")
        vouched = (one.anchor.sequence for one in self.agreed if one.is_vouched or one.is_stamped)
        last = max(self.proved_to, *vouched, 0)
        if self.keys and self.unkeyed < self.count and last < self.count:
            self.doubts.append(f"nobody vouches for events {last + 1} to {self.count}: their key is not in the ring")

    @property
    def _anchored_to(self) -> int:
        return self.agreed[-1].anchor.sequence if self.agreed else 0

    def _result(self, broken_at: int | None = None, fault: str = "") -> VerifyResult:
        last = self.agreed[-1] if self.agreed else None
        return VerifyResult(
            events=self.count,
            head=self.head,
            broken_at=broken_at,
            fault=fault,
            unkeyed=self.unkeyed,
            proved_to=self.proved_to,
            anchored_to=self._anchored_to,
            anchored_by=last.place if last else "",
            anchored_at=last.anchor.at if last else None,
            stamped_to=max((one.anchor.sequence for one in self.agreed if one.is_stamped), default=0),
            anchors=len(self.kept),
            doubts=tuple(self.doubts),
        )


def line_of(event: AuditEvent) -> str:
    """Return an event as a line of an exported log."""
    return json.dumps(
        {
            "sequence": event.sequence,
            "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": [event.actor_kind, event.actor_id],
            "action": str(event.action),
            "subject": [event.subject_kind, str(event.subject_id)],
            "details": event.details,
            "previous_hash": event.previous_hash,
            "hash": event.hash,
            "key": event.key_id,
            "mac": event.mac,
        },
        separators=(",", ":"),
    )


def read_log(path: Path) -> Iterator[AuditEvent]:
    """Yield the events of an exported log, without a database; raises ValueError, which names the line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield _event(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}, line {number}, is no event ({type(error).__name__}).") from None


def read_anchors(path: Path) -> Iterator[Anchor]:
    """Yield the anchors of a file; raises ValueError, which names the line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield Anchor.parse(line)
            except ValueError:
                raise ValueError(f"{path}, line {number}, is no anchor.") from None


def _event(read: dict[str, object]) -> AuditEvent:
    actor, subject, details = read["actor"], read["subject"], read["details"]
    if not (isinstance(actor, list) and isinstance(subject, list) and isinstance(details, dict)):
        raise TypeError
    return AuditEvent(
        sequence=int(str(read["sequence"])),
        at=datetime.fromisoformat(str(read["at"])),
        actor_kind=str(actor[0]),
        actor_id=str(actor[1]),
        action=str(read["action"]),
        subject_kind=str(subject[0]),
        subject_id=UUID(str(subject[1])),
        details=details,
        previous_hash=str(read["previous_hash"]),
        hash=str(read["hash"]),
        key_id=str(read["key"]),
        mac=str(read["mac"]),
    )
