"""Tables that are written anew, so that what was deleted leaves the files of the database.

PostgreSQL keeps a deleted row's bytes in its page, in freed space even after VACUUM, and in its log. Sealed columns die
with their keys; a name, a number or a search vector does not. VACUUM (FULL) writes a table and its indexes into new
files of living rows alone. It cannot leave out a row that a transaction under way may still see, so it waits for those.

Where the server is ours alone (the embedded one), the log is cut after that: a switch of its file and a checkpoint let
the former files go, which are deleted, not used again (wal_recycle). Elsewhere the log's archive has its own term.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from heirloom.crypto.models import RewrittenTable

logger = logging.getLogger(__name__)
LOCK_WITHIN_MS = 5000
_ASK = """
INSERT INTO crypto_rewrittentable (name, asked_xid, done_xid) VALUES (%s, pg_current_xact_id()::text::bigint, 0)
ON CONFLICT (name) DO UPDATE SET asked_xid = greatest(crypto_rewrittentable.asked_xid, excluded.asked_xid)
RETURNING asked_xid
"""
# The oldest transaction that anybody may still see as it was. What this role may not see of others is not counted.
_HORIZON = """
SELECT least(
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint - greatest(
        (SELECT coalesce(max(age(backend_xmin)), 0) FROM pg_stat_activity WHERE pid <> pg_backend_pid()),
        (SELECT coalesce(max(age(xmin)), 0) FROM pg_replication_slots),
        (SELECT coalesce(max(age(transaction)), 0) FROM pg_prepared_xacts)
    )
)
"""
_STATISTICS = "pg_catalog.pg_statistic"


@transaction.atomic
def ask(tables: Iterable[str]) -> int:
    """Have these tables written anew once the caller's transaction has ended; return by which number to ask for it."""
    asked = 0
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(_ASK, [table])
            asked = int(cursor.fetchone()[0])
    return asked


def is_done(xid: int) -> bool:
    """Say whether all that was deleted up to this transaction, in tables that were asked for, is out of the files."""
    return not RewrittenTable.objects.filter(asked_xid__gte=xid, done_xid__lt=xid).exists()


def run() -> bool:
    """Write anew what was asked for and nobody may still see; say whether nothing is left to do.

    Not within a transaction. Each table is closed to everybody while it is written; one that cannot be had within
    LOCK_WITHIN_MS is left for the next run.
    """
    written = {}
    for table in RewrittenTable.objects.filter(done_xid__lt=F("asked_xid")).order_by("name"):
        upto = min(table.asked_xid, _horizon() - 1)
        if upto > table.done_xid and _write_anew(table.name):
            written[table.name] = upto
    if written and settings.EMBEDDED:
        _cut_log()
    for name, upto in written.items():
        RewrittenTable.objects.filter(pk=name).update(done_xid=upto, done_at=timezone.now())
    return not RewrittenTable.objects.filter(done_xid__lt=F("asked_xid")).exists()


def _write_anew(table: str) -> bool:
    try:
        with _short_wait(), connection.cursor() as cursor:
            cursor.execute(f"VACUUM (FULL) {'.'.join(connection.ops.quote_name(part) for part in table.split('.'))}")
    except OperationalError as error:
        logger.warning("%s is in use and will be written anew later (%s)", table, type(error.__cause__).__name__)
        return False
    return True


def _horizon() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON)
        return int(cursor.fetchone()[0])


def _cut_log() -> None:
    _write_anew(_STATISTICS)
    with connection.cursor() as cursor:
        for statement in ("CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"):
            cursor.execute(statement)


@contextmanager
def _short_wait() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {LOCK_WITHIN_MS}")
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")
