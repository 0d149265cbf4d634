"""The job of an import: read its table, then carry out one row after the other, from wherever it stopped."""

import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from enrollment.models import Import, ImportRow
from enrollment.services.imports import files
from enrollment.services.imports.rows import Worker
from enrollment.services.imports.tables import Fault, Line
from heirloom.crypto.services import KeyDestroyedError
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.jobs.services import Lease

KIND = "import"
QUEUE = "vision"
READING, IMPORTING, CHECKING = "reading", "importing", "checking"
# Of a whole job, in percent: where the table is read.
READ = 5
ROWS_AT_ONCE, LINES_AT_ONCE = 200, 1000
# An import takes hours. The worker's other threads are for those who wait for an answer.
_working = threading.Lock()


def process(import_id: uuid.UUID, lease: Lease) -> None:
    """Work on one import; taken up again, it goes on after the last row that has its verdict.

    While another is worked on here, it is put back.
    """
    if not _working.acquire(blocking=False):
        lease.put_back(timedelta(seconds=settings.JOB_SWEEP_S))
        return
    try:
        batch = Import.objects.select_related("owner").filter(pk=import_id).first()
        if batch is not None and not batch.is_done:
            _process(batch, lease)
    except KeyDestroyedError:
        return  # cancelled meanwhile
    finally:
        _working.release()


def died(*, import_id: uuid.UUID, code: str) -> None:
    """Refuse the row at which the work was given up, in the caller's transaction, and have the others go on."""
    batch = Import.objects.select_for_update(no_key=True).filter(pk=import_id).first()
    if batch is None or batch.is_done:
        return
    row = batch.rows.pending().first()
    if row is None:
        close(batch, Import.Outcome.FAILED, Fault(code))
        return
    row.verdict, row.codes, row.faults = ImportRow.Verdict.REFUSED, [code], [Fault(code).as_json()]
    row.save()
    batch.refused += 1
    batch.save(update_fields=["refused"])
    jobs.enqueue(kind=KIND, subject_id=batch.id, owner=batch.owner, queue=QUEUE)


def close(batch: Import, outcome: Import.Outcome, *faults: Fault) -> None:
    """End an import in the caller's transaction, and let go of what nobody can need any more.

    The ZIP stays for a correction where rows are refused, and for the real thing after a dry run.
    """
    batch.outcome, batch.finished_at = outcome, timezone.now()
    batch.faults = [fault.as_json() for fault in faults]
    files.forget_table(batch)
    broken_zip = any(fault.attr == "photos" for fault in faults)
    if broken_zip or (outcome == Import.Outcome.COMPLETED and not batch.refused and not batch.dry_run):
        files.forget_archive(batch)
    batch.save()


def _process(batch: Import, lease: Lease) -> None:
    stage = CHECKING if batch.dry_run else IMPORTING
    try:
        if batch.total is None:
            lease.report(READING, 0)
            _read(batch, lease, files.read_table(batch))
        lease.report(stage, _progress(batch, batch.settled))
        with files.opened_archive(batch) as archive:
            worker = Worker(batch, archive, lease, stage)
            for number, (row, cells) in enumerate(_pending(batch), start=batch.settled + 1):
                worker.settle(row, cells, _progress(batch, number))
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        with lease.effects(error_code=refusal.code):
            held = Import.objects.select_for_update(no_key=True).get(pk=batch.pk)
            close(held, Import.Outcome.FAILED, Fault(refusal.code, refusal.detail, refusal.attr))
        return
    with lease.effects():
        close(Import.objects.select_for_update(no_key=True).get(pk=batch.pk), Import.Outcome.COMPLETED)


def _read(batch: Import, lease: Lease, lines: Sequence[Line]) -> None:
    """Make rows of a table's lines, some at a time, and then let go of the table.

    Until that is done nothing is carried out, and whoever takes the job up later begins the table anew.
    """
    table = batch.tables + 1
    with lease.part(READING, 0):
        batch.rows.filter(table=table).delete()
    for begin in range(0, len(lines), LINES_AT_ONCE):
        some = lines[begin : begin + LINES_AT_ONCE]
        cells = list(files.sealed(batch, table, some))
        with lease.part(READING, READ * begin // len(lines)):
            ImportRow.objects.bulk_create(_row(batch, table, *one) for one in zip(some, cells, strict=True))
    with lease.part(READING, READ):
        batch.tables = table
        files.forget_table(batch)
        recount(batch)
        # Not the name of the ZIP, which an erasure may have emptied meanwhile.
        batch.save(update_fields=["tables", "table_name", "total", *ImportRow.Verdict.values])


def _row(batch: Import, table: int, line: Line, cells: bytes) -> ImportRow:
    """Return the row of a line; what the shape of the table alone tells is decided here."""
    row = ImportRow(batch=batch, table=table, line=line.number, cells_sealed=cells)
    if line.fault:
        row.verdict, row.codes, row.faults = ImportRow.Verdict.REFUSED, [line.fault.code], [line.fault.as_json()]
    return row


def recount(batch: Import) -> None:
    """Bring the counts of an import up to its rows; the row is saved by the caller."""
    counts = batch.rows.counts()
    batch.total = batch.rows.count()
    for verdict in ImportRow.Verdict:
        setattr(batch, verdict, counts.get(verdict, 0))


def _pending(batch: Import) -> Iterator[tuple[ImportRow, Mapping[str, str]]]:
    while rows := list(batch.rows.pending()[:ROWS_AT_ONCE]):
        yield from zip(rows, files.cells_of(batch, rows), strict=True)


def _progress(batch: Import, settled: int) -> int:
    return READ + round((100 - READ) * settled / max(batch.total or 0, 1))
