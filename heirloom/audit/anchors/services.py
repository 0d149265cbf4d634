"""Writing anchors when they are due, and reading back those that can be reached.

Nothing waits for an anchor: a place that fails is tried again with the newest event, which stands for all before it.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from heirloom.audit import keys
from heirloom.audit import services as audit
from heirloom.audit.anchors import places, stamping
from heirloom.audit.anchors.anchor import Anchor, AnchorFailedError, Fault, Kept
from heirloom.audit.models import Action, AnchorState, AuditEvent, Installation

logger = logging.getLogger(__name__)
LONGEST_PAUSE = timedelta(minutes=10)
_SHORTEST_PAUSE = timedelta(seconds=15)
_UNREADABLE = Anchor(UUID(int=0), 0, "", datetime.min.replace(tzinfo=UTC), "")


def installation() -> UUID:
    """Return the number of this installation, made at the first call."""
    with transaction.atomic():
        found = Installation.objects.first() or Installation.objects.create()
    return found.id


def anchor_due() -> int:
    """Anchor the log wherever that is due and return at how many places it was; what fails is noted and logged."""
    head = _head()
    return sum(_anchored(place, head) for place in places.configured() if head and _is_due(_state(place.name), head))


def anchor_now() -> dict[str, str]:
    """Anchor the log at every place now; return a failure's code, or "", by place."""
    head = _head()
    for place in places.configured():
        if head is not None:
            _anchored(place, head)
    return dict(AnchorState.objects.order_by("place").values_list("place", "failure"))


@transaction.atomic
def begin_anew() -> None:
    """Forget how far the log was anchored, after a backup was put back; recorded, for it looks like a cut."""
    before = {state.place: state.sequence for state in AnchorState.objects.order_by("place")}
    AnchorState.objects.all().delete()
    audit.record(
        action=Action.AUDIT_ANCHORED_ANEW, subject_kind="audit_log", subject_id=audit.LOG, details={"before": before}
    )


def reachable() -> tuple[list[Kept], list[str]]:
    """Return the anchors that the configured places keep, looked at, and the names of places that cannot be read."""
    found: list[Kept] = []
    away: list[str] = []
    for place in places.configured():
        try:
            found += looked_at(place.read(), place.name, keys.of_ring(), settings.AUDIT_TSA_CERTIFICATES)
        except AnchorFailedError:
            away.append(place.name)
    return [_own(kept) for kept in found], away


def looked_at(
    anchors: Iterable[Anchor | None], place: str, with_keys: keys.Keys, certificates: str = ""
) -> Iterator[Kept]:
    """Yield anchors with what makes them doubtful: no anchor at all, not vouched for, a timestamp that is not true.

    Without the key at hand, or without certificates, that part is not looked at.
    """
    for anchor in anchors:
        yield _looked_at(anchor or _UNREADABLE, place, with_keys, certificates)


def _looked_at(anchor: Anchor, place: str, with_keys: keys.Keys, certificates: str) -> Kept:
    if anchor is _UNREADABLE:
        return Kept(anchor, place, "cannot be read")
    vouched = anchor.key_id in with_keys and anchor.is_vouched(with_keys)
    if anchor.key_id in with_keys and not vouched:
        return Kept(anchor, place, "is not vouched for by its key")
    stamped = bool(anchor.timestamp and certificates) and stamping.is_stamped(anchor, certificates)
    if anchor.timestamp and certificates and not stamped:
        return Kept(anchor, place, "has a timestamp that is not true")
    return Kept(anchor, place, is_vouched=vouched, is_stamped=stamped)


def _own(kept: Kept) -> Kept:
    is_own = bool(kept.doubt) or kept.anchor.installation == installation()
    return kept if is_own else replace(kept, doubt="is another installation's")


def _head() -> AuditEvent | None:
    return AuditEvent.objects.order_by("-sequence").first()


def _state(place: str) -> AnchorState:
    return AnchorState.objects.get_or_create(place=place)[0]


def _is_due(state: AnchorState, head: AuditEvent) -> bool:
    now = timezone.now()
    if state.failures and state.tried_at is not None:
        pause = min(_SHORTEST_PAUSE * int(2 ** min(state.failures, 10)), LONGEST_PAUSE)
        return bool(now >= state.tried_at + pause)
    if state.anchored_at is None or head.sequence < state.sequence:
        return True
    waited = now - state.anchored_at >= timedelta(seconds=settings.AUDIT_ANCHOR_S)
    return head.sequence - state.sequence >= (1 if waited else settings.AUDIT_ANCHOR_EVENTS)


def _anchored(place: places.Place, head: AuditEvent) -> bool:
    """Write one anchor; the attempt is claimed first, so that of several at once only one is made."""
    state, now = _state(place.name), timezone.now()
    if not AnchorState.objects.filter(pk=state.pk, tried_at=state.tried_at).update(tried_at=now):
        return False
    try:
        _require_same_log(state)
        place.write(_stamped(_anchor(head)))
    except AnchorFailedError as error:
        _note_failure(place.name, error.fault)
        return False
    AnchorState.objects.filter(pk=state.pk).update(
        sequence=head.sequence, hash=head.hash, anchored_at=now, failure="", failures=0
    )
    return True


def _anchor(head: AuditEvent) -> Anchor:
    ring = keys.of_ring()
    now = timezone.now().replace(microsecond=0)
    return Anchor(installation(), head.sequence, head.hash, now, ring.first).vouched(ring)


def _stamped(anchor: Anchor) -> Anchor:
    """Return the anchor with a timestamp where one is asked for; without, when the authority fails, which is noted."""
    if not settings.AUDIT_TSA_URL:
        return anchor
    now = timezone.now()
    _state(stamping.PLACE)
    try:
        token = stamping.stamp(anchor, url=settings.AUDIT_TSA_URL, certificates=settings.AUDIT_TSA_CERTIFICATES)
    except AnchorFailedError as error:
        _note_failure(stamping.PLACE, error.fault)
        return anchor
    AnchorState.objects.filter(pk=stamping.PLACE).update(
        sequence=anchor.sequence, hash=anchor.hash, anchored_at=now, tried_at=now, failure="", failures=0
    )
    return replace(anchor, timestamp=token)


def _require_same_log(state: AnchorState) -> None:
    """A log that lacks what was anchored is not anchored over: that is for a human to look at."""
    if state.sequence and not AuditEvent.objects.filter(pk=state.sequence, hash=state.hash).exists():
        raise AnchorFailedError(Fault.LOG_DIFFERS)


def _note_failure(place: str, fault: Fault) -> None:
    state = _state(place)
    AnchorState.objects.filter(pk=place).update(failure=fault, failures=state.failures + 1, tried_at=timezone.now())
    if fault is Fault.LOG_DIFFERS:
        logger.critical("the audit log lacks event %s, which was anchored: %s", state.sequence, place)
    else:
        logger.warning("the audit log was not anchored, attempt %d: %s: %s", state.failures + 1, place, fault)
