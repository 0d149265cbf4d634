"""Lines of a table become people: each on its own, once, through the same gates as everybody else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import Settings

from enrollment.models import Capture, Consent, Enrollment, FaceTemplate, Import, ImportRow, Person
from enrollment.services import consents, people
from enrollment.services.imports import lifecycle, tables, work
from enrollment.services.imports.rows import Worker
from heirloom.audit.models import Action, AuditEvent
from heirloom.crypto import services as crypto
from heirloom.crypto.models import DataKey
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job, JobState
from heirloom.portal.erasure import erase_person
from heirloom.webhooks.models import WebhookDelivery
from tests.cast import Cast, make_cast
from tests.pictures import landscape, retaken
from tests.portraits import Portrait
from tests.sheets import CONSENT, person, table, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def photos(vision_process: Path, portraits: dict[str, Portrait]) -> dict[str, bytes]:
    """Two people, and a picture of nobody."""
    astronaut, hopper = portraits["astronaut"], portraits["hopper"]
    return {
        "a1.jpg": astronaut.jpeg,
        "a2.jpg": retaken(astronaut),
        "h1.jpg": hopper.jpeg,
        "h2.jpg": retaken(hopper, turned=-4),
        "nobody.jpg": landscape(),
        "broken.jpg": b"\xff\xd8\xff but no picture",
        "page.jpg": b"<html>",
    }


def handed_in(
    cast: Cast, *rows: Mapping[str, str], files: Mapping[str, bytes] | None = None, dry_run: bool = False
) -> Import:
    photos = None if files is None else [zipped(files)]
    return lifecycle.submit(owner=cast.hana, table=[table(*rows)], photos=photos, dry_run=dry_run)


def run(batch: Import) -> Import:
    job = jobs.latest(kind="import", subject_id=batch.id)
    assert job is not None
    jobs.run(job_id=job.id)
    batch.refresh_from_db()
    return batch


def verdicts(batch: Import) -> list[tuple[str, list[str]]]:
    return [(row.verdict, row.codes) for row in batch.rows.all()]


def stored() -> set[str]:
    folder = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def pictured(number: int, *names: str) -> dict[str, str]:
    return person(number, **CONSENT, photos=";".join(names))


def test_everybody_in_the_table_is_enrolled(cast: Cast, photos: dict[str, bytes]) -> None:
    batch = run(
        handed_in(cast, pictured(1, "a1.jpg", "a2.jpg"), pictured(2, "h1.jpg"), person(3, **CONSENT), files=photos)
    )
    assert (batch.outcome, batch.total, batch.accepted) == ("completed", 3, 3)
    eileen = Person.objects.get(employee_id="E-1")
    assert (eileen.templates.count(), eileen.consents.get().policy_version) == (2, "2026-1")
    assert eileen.enrollments.get().source == "import"
    assert not Person.objects.get(employee_id="E-3").templates.exists()
    assert AuditEvent.objects.filter(action=Action.PERSON_ENROLLED, actor_id=str(cast.hana.pk)).count() == 2
    assert [row.person.employee_id for row in batch.rows.select_related("person") if row.person] == [
        "E-1",
        "E-2",
        "E-3",
    ]


def test_one_bad_line_never_stops_the_others(cast: Cast, photos: dict[str, bytes]) -> None:
    batch = run(
        handed_in(
            cast,
            pictured(1, "nobody.jpg"),
            pictured(2, "broken.jpg"),
            pictured(3, "page.jpg"),
            pictured(4, "not-there.jpg"),
            person(5, photos="a1.jpg"),
            person(6, email="nobody"),
            pictured(7, "a1.jpg", "h1.jpg"),
            pictured(8, "h1.jpg", "nobody.jpg"),
            files=photos,
        )
    )
    assert verdicts(batch) == [
        ("refused", ["no_face"]),
        ("refused", ["invalid_image"]),
        ("refused", ["unsupported_format"]),
        ("refused", ["photo_missing"]),
        ("refused", ["consent_required"]),
        ("refused", ["validation_error"]),
        ("refused", ["pictures_differ"]),
        ("accepted", []),
    ]
    assert [photo["reasons"] for photo in batch.rows.last().photos] == [[], ["no_face"]]  # type: ignore[union-attr]
    assert Person.objects.get().employee_id == "E-8"
    assert Capture.objects.count() == 1


def test_a_face_that_is_there_already_waits_for_a_reviewer(cast: Cast, photos: dict[str, bytes]) -> None:
    batch = run(handed_in(cast, pictured(1, "a1.jpg"), pictured(2, "a2.jpg"), files=photos))
    assert verdicts(batch) == [("accepted", []), ("needs_review", ["duplicate_person"])]
    assert Enrollment.objects.get(person__employee_id="E-2").outcome == Enrollment.Outcome.NEEDS_REVIEW
    assert not FaceTemplate.objects.filter(person__employee_id="E-2").exists()


def test_an_import_changes_nobody_who_is_there(cast: Cast, photos: dict[str, bytes]) -> None:
    known = people.create_person(full_name="Person 1", employee_id="E-1", department="Old", actor=cast.hana)
    rows = [person(1, department="Old"), person(2, department="")]
    assert verdicts(run(handed_in(cast, *rows))) == [("unchanged", []), ("accepted", [])]
    batch = run(handed_in(cast, {**pictured(1, "a1.jpg"), "department": "New"}, files=photos))
    assert verdicts(batch) == [("refused", ["employee_id_taken"])]
    assert batch.rows.get().person == known
    known.refresh_from_db()
    assert known.department == "Old"


def test_a_consent_that_is_not_on_record_is_a_change(cast: Cast) -> None:
    known = people.create_person(full_name="Person 1", employee_id="E-1", actor=cast.hana)
    assert verdicts(run(handed_in(cast, person(1, **CONSENT)))) == [("refused", ["employee_id_taken"])]
    consents.give(person=known, policy_version="2026-1", method="written", given_at=timezone.now(), actor=None)
    assert verdicts(run(handed_in(cast, person(1, **CONSENT)))) == [("unchanged", [])]


def test_what_only_the_whole_table_shows_is_told(cast: Cast) -> None:
    sent = b"employee_id,full_name\nE-1,Ada\nE-1,Bob\nE-2\nE-3,Cy\n"
    batch = run(lifecycle.submit(owner=cast.hana, table=[sent], photos=None, dry_run=False))
    assert [codes for _, codes in verdicts(batch)] == [
        ["employee_id_repeated"],
        ["employee_id_repeated"],
        ["line_malformed"],
        [],
    ]
    assert Person.objects.get().employee_id == "E-3"


def test_a_dry_run_says_the_same_and_writes_nobody(cast: Cast, photos: dict[str, bytes]) -> None:
    people.create_person(full_name="Person 5", employee_id="E-5", actor=None)
    run(handed_in(cast, pictured(9, "h2.jpg"), files=photos))
    counted = (Person, Consent, Capture, FaceTemplate, Enrollment, WebhookDelivery, DataKey)
    kept, events = [rows.objects.count() for rows in counted], AuditEvent.objects.count()
    before = stored()
    batch = handed_in(
        cast,
        pictured(1, "a1.jpg", "nobody.jpg"),
        pictured(2, "h1.jpg"),
        pictured(3, "nobody.jpg"),
        pictured(4, "gone.jpg"),
        person(5),
        files=photos,
        dry_run=True,
    )
    run(batch)
    assert verdicts(batch) == [
        ("accepted", []),
        ("needs_review", ["duplicate_person"]),
        ("refused", ["no_face"]),
        ("refused", ["photo_missing"]),
        ("unchanged", []),
    ]
    kept[-1] += 1  # the key of the import itself
    assert [rows.objects.count() for rows in counted] == kept
    assert AuditEvent.objects.count() == events + 1
    assert {name.split("/")[0] for name in stored() - before} == {"imports"}


def test_a_dry_run_is_carried_out_without_sending_anything_again(cast: Cast, photos: dict[str, bytes]) -> None:
    batch = run(handed_in(cast, pictured(1, "a1.jpg"), pictured(2, "gone.jpg"), files=photos, dry_run=True))
    again = run(lifecycle.retry(batch=batch, actor=cast.hana, for_real=True))
    assert again.pk == batch.pk
    assert (again.dry_run, verdicts(again)) == (False, [("accepted", []), ("refused", ["photo_missing"])])
    assert Person.objects.get().templates.count() == 1


def test_nothing_that_was_sent_is_kept_longer_than_it_is_needed(
    cast: Cast, photos: dict[str, bytes], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        batch = run(handed_in(cast, pictured(1, "a1.jpg"), files=photos))
    assert not [name for name in stored() if f"imports/{batch.id}" in name]
    assert batch.rows.get().cells_sealed is None


def test_of_refused_lines_the_cells_wait_sealed_and_go_in_time(
    cast: Cast, settings: Settings, photos: dict[str, bytes], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        batch = run(handed_in(cast, pictured(1, "a1.jpg"), pictured(2, "gone.jpg"), files=photos))
    taken, refused = batch.rows.all()
    assert taken.cells_sealed is None
    assert b"E-2" not in bytes(refused.cells_sealed or b"")
    assert len([name for name in stored() if f"imports/{batch.id}/photos" in name]) == 1
    assert lifecycle.sweep() == 0
    settings.IMPORT_KEPT_DAYS = 0
    with django_capture_on_commit_callbacks(execute=True):
        assert lifecycle.sweep() == 1
    assert lifecycle.sweep() == 0
    refused.refresh_from_db()
    assert (refused.cells_sealed, refused.codes) == (None, ["photo_missing"])
    assert not [name for name in stored() if f"imports/{batch.id}" in name]
    with pytest.raises(crypto.KeyDestroyedError):
        crypto.data_key(batch.id)
    with pytest.raises(Refusal, match="import_expired"):
        lifecycle.retry(batch=batch, actor=cast.hana)


def test_cancelling_keeps_who_is_in_and_deletes_what_was_sent(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    batch, settle = handed_in(cast, person(1), person(2), person(3)), Worker.settle

    def cancelled_after_the_first(self: Worker, row: ImportRow, *rest: Any) -> None:
        settle(self, row, *rest)
        lifecycle.cancel(batch=batch, actor=cast.hana)

    monkeypatch.setattr(Worker, "settle", cancelled_after_the_first)
    with django_capture_on_commit_callbacks(execute=True):
        run(batch)
    assert (batch.outcome, batch.accepted, batch.pending) == ("cancelled", 1, 2)
    assert Person.objects.get().employee_id == "E-1"
    assert not batch.rows.exclude(cells_sealed=None).exists()
    assert Job.objects.get(kind="import").state == JobState.DONE
    with pytest.raises(Refusal, match="import_settled"):
        lifecycle.cancel(batch=batch, actor=cast.hana)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"employee_id,full_name\nE-1,Ada\nE-2,\xff\n", "table_unreadable"),
        (b"employee_id,full_name\n", "table_unreadable"),
    ],
)
def test_a_table_that_breaks_off_ends_the_import_before_anybody_is_in(cast: Cast, sent: bytes, code: str) -> None:
    batch = run(lifecycle.submit(owner=cast.hana, table=[sent], photos=[zipped({})], dry_run=False))
    assert (batch.outcome, [fault["code"] for fault in batch.faults]) == ("failed", [code])
    assert not Person.objects.exists()
    lifecycle.retry(batch=batch, actor=cast.hana, table=[table(person(1))])
    assert verdicts(run(batch)) == [("accepted", [])]


def test_a_broken_zip_ends_the_import_before_anybody_is_in(cast: Cast) -> None:
    broken = zipped({"a.jpg": b"x"})[:-10]
    batch = run(lifecycle.submit(owner=cast.hana, table=[table(person(1))], photos=[broken], dry_run=False))
    assert (batch.outcome, batch.archive_name) == ("failed", "")
    assert [fault["code"] for fault in batch.faults] == ["archive_invalid"]
    lifecycle.retry(batch=batch, actor=cast.hana, photos=[zipped({})])
    assert verdicts(run(batch)) == [("accepted", [])]


@pytest.mark.parametrize(
    ("sent", "photos", "code"),
    [
        ([b""], None, "empty_file"),
        ([b"name\nAda\n"], None, "table_columns"),
        ([table(person(1))], [b"not a zip"], "archive_invalid"),
        ([table(person(1))], [b""], "empty_file"),
        ([table(person(1)), bytes(tables.MOST_TABLE_BYTES)], None, "too_many_bytes"),
    ],
)
def test_what_nobody_could_use_is_refused_at_the_door(
    cast: Cast, sent: list[bytes], photos: list[bytes] | None, code: str
) -> None:
    before = stored()
    with pytest.raises(Refusal, match=code):
        lifecycle.submit(owner=cast.hana, table=sent, photos=photos, dry_run=False)
    assert not Import.objects.exists()
    assert stored() == before


def test_a_fault_of_the_installation_is_waited_for(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, settle = handed_in(cast, person(1), person(2)), Worker.settle

    def vision_is_away(self: Worker, row: ImportRow, *rest: Any) -> None:
        if row.line == 3:
            raise Refusal("vision_unavailable")
        settle(self, row, *rest)

    monkeypatch.setattr(Worker, "settle", vision_is_away)
    run(batch)
    assert (batch.outcome, verdicts(batch)) == ("", [("accepted", []), ("", [])])
    assert Job.objects.get().error_code == "vision_unavailable"
    monkeypatch.undo()
    assert verdicts(run(batch)) == [("accepted", []), ("accepted", [])]
    assert Person.objects.count() == 2


def test_a_line_that_brings_its_worker_down_is_given_up_and_the_others_go_on(cast: Cast) -> None:
    batch = handed_in(cast, person(1), person(2), person(3))
    job, settled = Job.objects.get(), []
    lease = jobs.claim(job_id=job.id)
    assert lease is not None
    with pytest.raises(KeyboardInterrupt):
        _die_at(batch, lease, 3, settled)
    Job.objects.filter(pk=job.id).update(attempts=3, leased_until=timezone.now() - timezone.timedelta(minutes=1))  # type: ignore[attr-defined]
    jobs.sweep()
    batch.refresh_from_db()
    assert verdicts(batch) == [("accepted", []), ("refused", ["interrupted"]), ("", [])]
    assert verdicts(run(batch)) == [("accepted", []), ("refused", ["interrupted"]), ("accepted", [])]
    lifecycle.retry(batch=batch, actor=cast.hana)
    assert verdicts(run(batch)) == [("accepted", [])] * 3


def _die_at(batch: Import, lease: Any, line: int, settled: list[int]) -> None:
    settle = Worker.settle

    def dying(self: Worker, row: ImportRow, *rest: Any) -> None:
        if row.line == line:
            raise KeyboardInterrupt
        settle(self, row, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "settle", dying)
        work.process(batch.id, lease)


def test_a_table_that_was_being_read_is_read_anew(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LINES_AT_ONCE", 2)
    batch, recount = handed_in(cast, *map(person, range(5))), work.recount

    def cut_off(_batch: Import) -> None:
        raise Refusal("storage_unavailable")

    monkeypatch.setattr(work, "recount", cut_off)
    assert (run(batch).total, batch.rows.count()) == (None, 5)
    assert not Person.objects.exists()
    monkeypatch.setattr(work, "recount", recount)
    assert verdicts(run(batch)) == [("accepted", [])] * 5


def test_whoever_lost_the_job_writes_nothing_more(cast: Cast) -> None:
    batch = handed_in(cast, person(1))
    lease = jobs.claim(job_id=Job.objects.get().id)
    assert lease is not None
    jobs.cancel(kind="import", subject_id=batch.id)
    with pytest.raises(jobs.LeaseLostError):
        work.process(batch.id, lease)
    assert not Person.objects.exists()


def test_a_second_import_waits_its_turn_without_using_up_attempts(cast: Cast) -> None:
    batch = handed_in(cast, person(1))
    with work._working:
        assert run(batch).outcome == ""
    job = Job.objects.get()
    assert (job.state, job.attempts, job.error_code) == (JobState.QUEUED, 0, "")
    assert run(batch).outcome == "completed"


def test_who_is_erased_is_in_no_line_and_no_zip(
    cast: Cast, photos: dict[str, bytes], django_capture_on_commit_callbacks: Any
) -> None:
    people.create_person(full_name="Person 2", employee_id="E-2", actor=None)
    batch = run(handed_in(cast, pictured(1, "a1.jpg"), pictured(2, "h1.jpg"), files=photos))
    assert verdicts(batch) == [("accepted", []), ("refused", ["employee_id_taken"])]
    with django_capture_on_commit_callbacks(execute=True):
        erase_person(person=Person.objects.get(employee_id="E-2"), actor=None)
    batch.refresh_from_db()
    assert batch.archive_name == ""
    assert not batch.rows.exclude(cells_sealed=None).exists()
    assert not [name for name in stored() if f"imports/{batch.id}/photos" in name]
