"""Telling the database that what follows in this transaction is recorded; see UnrecordedWrite."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def announced() -> Iterator[None]:
    """Run a block in one transaction, whose writes of logins the database does not note as unrecorded."""
    with transaction.atomic():
        before = _announce("on")
        yield
        _announce(before)


def _announce(value: str) -> str:
    """Set it until the transaction ends, or what is rolled back is; return what it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('heirloom.recorded', true), '')")
        before = cursor.fetchone()
        cursor.execute("SELECT set_config('heirloom.recorded', %s, true)", [value])
    return str(before[0]) if before else ""
