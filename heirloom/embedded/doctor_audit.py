"""The checks of `manage.py doctor` that concern the audit log: who could change it, and where it is anchored."""

from collections.abc import Iterator

from django.db import connection
from django.utils import timezone

from heirloom import settings
from heirloom.accounts.models import UnrecordedWrite
from heirloom.audit import roles
from heirloom.audit.anchors import places
from heirloom.audit.anchors.anchor import Fault
from heirloom.audit.models import AnchorState, AuditEvent
from heirloom.embedded.findings import Finding, fault, ok, warning

_LATE_AFTER = 3
"""So many times its interval may a place be without a new anchor before that is told."""


def log() -> Iterator[Finding]:
    """Check the role, the last event and the anchors; the whole chain is for `manage.py audit verify`."""
    if UnrecordedWrite._meta.db_table not in connection.introspection.table_names():
        return
    yield role()
    yield from anchors()


def role() -> Finding:
    """Say whether the role of this process could change the log."""
    part, found = "Audit role", roles.rights()
    if not found.can_cut:
        return ok(part, f"{found.role} reads and adds to the audit log, and can do no more; it is {found.owner}'s")
    if settings.EMBEDDED:
        return ok(part, "the embedded database has one role only, which could cut the log: its anchors tell of that")
    remedy = "Give the app a role of its own: docs/deploy.md, Two roles of the database."
    return warning(part, f"{found.role} could change or cut the audit log", remedy)


def anchors() -> Iterator[Finding]:
    """Say of each place how far the log is anchored there, and what hinders it."""
    part = "Audit anchors"
    names = [place.name for place in places.configured()]
    if not names:
        yield warning(part, "none: whoever has the database can cut the log unseen", "Set AUDIT_ANCHOR_FILE or others.")
        return
    names += ["timestamp"] if settings.AUDIT_TSA_URL else []
    states = AnchorState.objects.in_bulk(names)
    head = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    for name in names:
        yield _anchored(f"{part}, {name}", states.get(name), head)
    if names == ["file"]:
        yield _elsewhere(part)


def _anchored(part: str, state: AnchorState | None, head: int) -> Finding:
    if state is None or state.anchored_at is None:
        why = f": {state.failure}" if state and state.failure else ""
        text = f"never written{why}"
        remedy = "A worker and beat write them; now: python manage.py audit anchor"
        return warning(part, text, remedy) if head else ok(part, "no event yet")
    text = f"to event {state.sequence} of {head}, {state.anchored_at:%Y-%m-%d %H:%M} UTC"
    if state.failure == Fault.LOG_DIFFERS:
        remedy = "python manage.py audit verify; where a backup was put back: python manage.py audit anchor --anew"
        return fault(part, f"event {state.sequence}, which was anchored, is gone or another", remedy)
    if state.failure:
        return warning(part, f"{text}; {state.failures} attempts since failed: {state.failure}", "See docs/audit.md.")
    late = (timezone.now() - state.anchored_at).total_seconds() > _LATE_AFTER * settings.AUDIT_ANCHOR_S
    if late and state.sequence < head:
        return warning(part, f"{text}; overdue", "A worker and beat write them: see the lines above.")
    return ok(part, text)


def _elsewhere(part: str) -> Finding:
    where = settings.AUDIT_ANCHOR_FILE
    if settings.EMBEDDED or not str(where).startswith(str(settings.VAR_DIR)):
        return ok(part, f"in {where}")
    return warning(
        part,
        f"in {where} alone, which whoever holds this machine can change",
        "Have them leave it: AUDIT_ANCHOR_URL, an alias audit-anchors in STORAGES, or a file elsewhere.",
    )
