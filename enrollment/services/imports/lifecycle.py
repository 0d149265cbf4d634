"""An import from outside: begun, tried again, cancelled, and cleared away."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from enrollment.models import Import, ImportRow
from enrollment.services.imports import files, tables
from enrollment.services.imports.files import Chunks
from enrollment.services.imports.work import KIND, QUEUE, close, recount
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.errors import CODES, Refusal
from heirloom.jobs import services as jobs

PASSING = [name for name, code in CODES.items() if code.status >= 500]
"""Codes of faults of the installation: what failed for one of them may go well another time."""


def submit(*, owner: User, table: Chunks, photos: Chunks | None, dry_run: bool) -> Import:
    """Take a table and a ZIP of photos and have them worked on; the answer is the row to follow.

    Raises Refusal as files.stored does; then nothing is written.
    """
    import_id = uuid.uuid4()
    with files.stored(import_id, table=table, photos=photos) as (table_name, archive_name), transaction.atomic():
        batch = Import.objects.create(
            id=import_id, owner=owner, dry_run=dry_run, table_name=table_name, archive_name=archive_name
        )
        _begin(batch, Action.IMPORT_REQUESTED, owner)
    return batch


def retry(
    *, batch: Import, actor: User, table: Chunks | None = None, photos: Chunks | None = None, for_real: bool = False
) -> Import:
    """Carry out again what may go better: with a corrected table or ZIP all that was refused, else what failed for a
    passing reason. for_real: a dry run is carried out.

    The lines of a corrected table take the place of those that were refused or unchanged.
    Raises Refusal "import_under_way", "import_expired", "nothing_to_retry", or as `submit` does.
    """
    _refuse_unready(batch)
    with files.stored(batch.id, table=table, photos=photos) as (table_name, archive_name), transaction.atomic():
        held = Import.objects.select_for_update(no_key=True).get(pk=batch.pk)
        _refuse_unready(held)
        begins_for_real = for_real and held.dry_run
        if archive_name:
            files.forget_archive(held)
            held.archive_name = archive_name
        if table_name:
            held.rows.filter(verdict__in=_replaced(held)).delete()
            recount(held)
            held.table_name, held.total = table_name, None
        else:
            _reopen(held, again=_tried_again(held, with_zip=bool(archive_name), for_real=begins_for_real))
        held.dry_run = held.dry_run and not for_real
        held.outcome, held.finished_at, held.faults = "", None, []
        _begin(held, Action.IMPORT_RETRIED, actor)
    return held


@transaction.atomic
def cancel(*, batch: Import, actor: User) -> Import:
    """End an import: the row under way is undone, those with a verdict stay, and all that was sent is deleted.

    Raises Refusal "import_settled".
    """
    # The job first, as whoever works on it does.
    jobs.cancel(kind=KIND, subject_id=batch.id)
    held = Import.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if held.is_done:
        raise Refusal("import_settled")
    _clear(held)
    close(held, Import.Outcome.CANCELLED)
    _audit(held, Action.IMPORT_CANCELLED, actor)
    return held


def sweep() -> int:
    """Delete what was sent for imports that nobody went on with for IMPORT_KEPT_DAYS; return how many."""
    since = timezone.now() - timedelta(days=settings.IMPORT_KEPT_DAYS)
    left = list(Import.objects.left_since(since).values_list("id", flat=True))
    return sum(_sweep(import_id) for import_id in left)


@transaction.atomic
def _sweep(import_id: uuid.UUID) -> bool:
    batch = Import.objects.select_for_update(no_key=True).filter(pk=import_id).first()
    if batch is None or not batch.is_done or batch.swept_at is not None:
        return False
    _clear(batch)
    batch.save()
    return True


def _clear(batch: Import) -> None:
    files.forget_all(batch)
    batch.swept_at = timezone.now()


def _begin(batch: Import, action: Action, actor: User) -> None:
    batch.save()
    jobs.enqueue(kind=KIND, subject_id=batch.id, owner=batch.owner, queue=QUEUE)
    _audit(batch, action, actor)


def _audit(batch: Import, action: Action, actor: User) -> None:
    details = {"dry_run": batch.dry_run}
    audit.record(action=action, subject_kind="import", subject_id=batch.id, actor=actor, details=details)


def _refuse_unready(batch: Import) -> None:
    if not batch.is_done:
        raise Refusal("import_under_way")
    if batch.swept_at is not None:
        raise Refusal("import_expired")


def _replaced(batch: Import) -> list[str]:
    """Return the verdicts of rows in whose place a corrected table comes; of a dry run all."""
    done = {ImportRow.Verdict.ACCEPTED, ImportRow.Verdict.NEEDS_REVIEW}
    return [verdict for verdict in ("", *ImportRow.Verdict.values) if batch.dry_run or verdict not in done]


def _tried_again(batch: Import, *, with_zip: bool, for_real: bool) -> QuerySet[ImportRow]:
    rows = batch.rows.exclude(cells_sealed=None).exclude(codes__overlap=list(tables.AT_READING))
    if for_real:
        return rows
    if with_zip:  # where the former one could not be read, no row was looked at
        return rows.filter(verdict__in=["", ImportRow.Verdict.REFUSED])
    return rows.refused().filter(codes__overlap=PASSING)


def _reopen(batch: Import, *, again: QuerySet[ImportRow]) -> None:
    if not again.update(verdict="", codes=[], faults=[], photos=[], person=None, enrollment=None):
        raise Refusal("nothing_to_retry")
    recount(batch)
