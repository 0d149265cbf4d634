"""The checks of `manage.py doctor` that concern the trust report: whether it is made, and whether a rate has moved."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from heirloom.embedded.findings import Finding, ok, warning
from heirloom.trust import services, watching
from heirloom.trust.models import Watch

_LATE = timedelta(days=2)


def trust() -> Iterator[Finding]:
    """Say when the last report was made, and which rates are alarmed."""
    if Watch._meta.db_table not in connection.introspection.table_names():
        return
    part, last = "Trust report", services.latest()
    if last is None:
        yield ok(part, "none yet; a worker makes one each night")
    elif last.made_at < timezone.now() - _LATE:
        remedy = "A worker and beat make them each night; now: python manage.py trust report"
        yield warning(part, f"the last one is of {last.made_at:%Y-%m-%d}", remedy)
    else:
        yield ok(part, f"{last.made_at:%Y-%m-%d %H:%M} UTC")
    if moved := watching.alarmed():
        remedy = "Look at Trust in Django admin; where that is meant: python manage.py trust baseline"
        yield warning("Drift", f"moved away from the baseline: {', '.join(one.name for one in moved)}", remedy)
