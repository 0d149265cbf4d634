"""One line of an import carried out: through the same services as everybody else, with one verdict, once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F

from enrollment.models import Enrollment, Import, ImportRow, Person
from enrollment.services import consents, people, registration
from enrollment.services.enrollments import Newcomer
from enrollment.services.imports.archives import Archive
from enrollment.services.imports.entries import Entry, FaultyError, entry_of
from enrollment.services.imports.tables import Fault
from enrollment.services.registration import NoGoodPhotoError, Photo, Ready
from heirloom.errors import Refusal
from heirloom.jobs.services import Lease

SOURCE = "import"
Verdict = ImportRow.Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a line."""

    verdict: Verdict
    faults: Sequence[Fault] = ()
    photos: Sequence[Mapping[str, Any]] = field(default_factory=list)
    person: Person | None = None
    enrollment: Enrollment | None = None


class Worker:
    """Carries out the rows of one import, whose ZIP is open. stage: what its lease is told."""

    def __init__(self, batch: Import, archive: Archive | None, lease: Lease, stage: str) -> None:
        self.batch, self.archive, self.lease, self.stage = batch, archive, lease, stage

    def settle(self, row: ImportRow, cells: Mapping[str, str], progress: int) -> None:
        """Carry a row out and write its verdict, in one transaction that only the holder of the job gets.

        Raises LeaseLostError, and Refusal (5xx) where the line is not at fault: then nothing is written.
        """
        try:
            with self._ready(cells) as (entry, ready), self._part(progress):
                if self._waits(row):
                    self._write(row, self._carried_out(entry, ready))
        except (FaultyError, Refusal) as error:
            found = _refused(error)
            with self._part(progress):
                if self._waits(row):
                    self._write(row, found)

    def _waits(self, row: ImportRow) -> bool:
        """Whether a row is still to be carried out: the person it names may have been erased since it was read."""
        return self.batch.rows.pending().filter(pk=row.pk).exists()

    @contextmanager
    def _part(self, progress: int) -> Iterator[None]:
        """Give the transaction of one row. The import is locked after its job and before people and the audit log."""
        with self.lease.part(self.stage, progress):
            Import.objects.select_for_update(no_key=True).get(pk=self.batch.pk)
            yield

    @contextmanager
    def _ready(self, cells: Mapping[str, str]) -> Iterator[tuple[Entry, Ready | None]]:
        """Do what is slow: read and judge the photos of somebody new, and store those that are good."""
        entry = entry_of(cells)
        if not entry.photos or Person.objects.filter(employee_id=entry.employee_id).exists():
            yield entry, None
            return
        photos = [self._photo(number, name) for number, name in enumerate(entry.photos, start=1)]
        with registration.prepared(visitor=_newcomer(entry), photos=photos, keep=not self.batch.dry_run) as ready:
            yield entry, ready

    def _photo(self, number: int, name: str) -> Photo:
        if self.archive is None:
            raise Refusal("photo_missing", "There is no ZIP of photos.", attr="photos")
        try:
            return registration.read(self.archive.read(name))
        except Refusal as refusal:
            refusal.detail = f"Photo {number}: {refusal.detail}"
            raise

    def _carried_out(self, entry: Entry, ready: Ready | None) -> Found:
        with transaction.atomic():
            found = self._enrolled(entry, ready) if ready else self._added(entry)
            if self.batch.dry_run:  # the real thing, undone
                transaction.set_rollback(True)
        return found

    def _enrolled(self, entry: Entry, ready: Ready) -> Found:
        visit = registration.enroll(ready, actor=self.batch.owner, consent=entry.consent, source=SOURCE)
        waits = visit.outcome == Enrollment.Outcome.NEEDS_REVIEW
        verdict = Verdict.NEEDS_REVIEW if waits else Verdict.ACCEPTED
        faults = [Fault(code) for code in visit.reasons]
        return Found(verdict, faults, _judged(ready.told(visit)), visit.person, visit)

    def _added(self, entry: Entry) -> Found:
        known = Person.objects.filter(employee_id=entry.employee_id).first()
        if known is not None:
            return self._known(known, entry)
        if entry.photos:  # whoever had this number a moment ago is gone, and nobody looked at the photos
            raise Refusal("employee_id_taken", attr="employee_id")
        newcomer = _newcomer(entry)
        person = people.create_person(full_name=newcomer.full_name, actor=self.batch.owner, **newcomer.details)
        if entry.consent is not None:
            consents.give(person=person, actor=self.batch.owner, **asdict(entry.consent))
        return Found(Verdict.ACCEPTED, person=person)

    def _known(self, person: Person, entry: Entry) -> Found:
        """An import brings new people in and changes nobody; what it brought in before it finds unchanged."""
        came_with_it = self.batch.rows.filter(person=person, verdict__in=(Verdict.ACCEPTED, Verdict.NEEDS_REVIEW))
        if entry.says_of(person) and (not entry.photos or came_with_it.exists()):
            return Found(Verdict.UNCHANGED, person=person)
        return Found(Verdict.REFUSED, [Fault("employee_id_taken", attr="employee_id")], person=person)

    def _write(self, row: ImportRow, found: Found) -> None:
        row.verdict, row.photos = found.verdict, list(found.photos)
        row.codes = list(dict.fromkeys(fault.code for fault in found.faults))
        row.faults = [fault.as_json() for fault in found.faults]
        is_there = not self.batch.dry_run or found.verdict in {Verdict.UNCHANGED, Verdict.REFUSED}
        row.person, row.enrollment = (found.person, found.enrollment) if is_there else (None, None)
        if found.verdict != Verdict.REFUSED and not self.batch.dry_run:
            row.cells_sealed = None
        row.save()
        Import.objects.filter(pk=self.batch.pk).update(**{found.verdict: F(found.verdict) + 1})


def _newcomer(entry: Entry) -> Newcomer:
    details = dict(entry.details)
    return Newcomer(details.pop("full_name"), details)


def _refused(error: FaultyError | Refusal) -> Found:
    if isinstance(error, FaultyError):
        return Found(Verdict.REFUSED, error.faults)
    if error.status >= 500:
        raise error
    photos: list[dict[str, Any]] = []
    if isinstance(error, NoGoodPhotoError):
        photos = _judged(verdict.as_json(None) for verdict in error.verdicts)
    return Found(Verdict.REFUSED, [Fault(error.code, error.detail, error.attr or "photos")], photos)


def _judged(verdicts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return verdicts on photos as a row keeps them."""
    return [{name: verdict[name] for name in ("accepted", "reasons", "quality")} for verdict in verdicts]
