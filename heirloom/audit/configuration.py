"""Settings that decide what is let through: an event where a start finds another value than the last one did."""

from uuid import UUID

from django.conf import settings
from django.db import transaction

from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent

SETTINGS = UUID(int=4)
"""The subject of events about settings."""


@transaction.atomic
def note_changes() -> bool:
    """Record what settings are where they differ from what was recorded last; say whether they do.

    The event holds all values, so that the next start can compare, and apart what they were before.
    """
    values = {name: str(getattr(settings, name)) for name in settings.AUDITED_SETTINGS}
    last = AuditEvent.objects.filter(action=Action.SETTINGS_CHANGED).order_by("-sequence").first()
    known = last.details["values"] if last else {}
    changed = {name for name in known.keys() | values.keys() if known.get(name) != values.get(name)}
    if changed:
        before = {name: known.get(name) for name in sorted(changed)} if last else {}
        audit.record(
            action=Action.SETTINGS_CHANGED,
            subject_kind="settings",
            subject_id=SETTINGS,
            details={"before": before, "after": {name: values.get(name) for name in sorted(changed)}, "values": values},
        )
    return bool(changed)
