"""Who has disk and ring finds nothing of an erased person: sealed data at once, all else within the promised time."""

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from bench.intrusion.disk import found
from bench.intrusion.held import marks_of, opened_by_what_is_left
from enrollment.models import Capture, Erasure, Person
from enrollment.services import consents, erasure, people, templates
from heirloom.audit.models import Action, AuditEvent
from heirloom.crypto import rewriting, shares
from heirloom.crypto import services as crypto
from heirloom.crypto.keys import ring
from heirloom.crypto.models import DataKey
from heirloom.embedded.postgres import data_dir
from heirloom.portal.erasure import erase_person
from heirloom.vision.types import Template

pytestmark = pytest.mark.django_db(transaction=True)
MODEL = "test-model"
OPENED_BY_NOTHING = {"wrapped key"}
"""May stand on: what opened it was overwritten, as a test of its own shows."""


@pytest.fixture(autouse=True)
def embedded() -> None:
    if not settings.EMBEDDED:
        pytest.skip("the files of another server are not here")


@pytest.fixture
def disk(embedded: None) -> tuple[Path, ...]:
    return data_dir(settings.VAR_DIR), Path(settings.VAR_DIR) / "files", Path(settings.VAR_DIR) / "keys"


@pytest.fixture
def quixote() -> Person:
    """Somebody with a template, beside others who stay, in a database that has written all of it to its disk."""
    for number in range(30):
        _enrolled(f"Sancho {number}", seed=number)
    person = _enrolled("Quixote Canary", employee_id="canary-number", email="canary@example.org", seed=99)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("CHECKPOINT")
    return person


def _enrolled(name: str, seed: int, **details: str) -> Person:
    with transaction.atomic():
        person = people.create_person(full_name=name, metadata={"note": f"about {name}"}, actor=None, **details)
        consent = consents.give(
            person=person, policy_version="1", method="written", given_at=timezone.now(), actor=None
        )
        capture = Capture.objects.create(
            subject=person.id, person=person, kind="image", mime="image/png", source="api", size_bytes=1
        )
        vector = np.random.default_rng(seed).standard_normal(128).astype(np.float32)
        new = templates.NewTemplate(capture, Template(MODEL, vector / np.linalg.norm(vector)), 90.0)
        templates.add(person=person, consent=consent, new=[new])
    return person


def test_all_of_somebody_is_found_before_or_the_search_would_prove_nothing(
    quixote: Person, disk: tuple[Path, ...]
) -> None:
    assert found(marks_of(quixote), *disk).keys() == marks_of(quixote).keys()


def test_the_statistics_of_the_planner_have_nobody_in_them(quixote: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(string_agg(s::text, ' '), '') FROM pg_stats s WHERE tablename LIKE 'enrollment%'"
        )
        (kept,) = cursor.fetchone()
    assert "enrollment_person" in kept
    assert "anary" not in kept
    assert "Sancho" not in kept
    assert ",vector," not in kept


def test_a_wrapped_key_found_on_the_disk_opens_with_nothing_that_is_left(
    quixote: Person, disk: tuple[Path, ...]
) -> None:
    row, marks = DataKey.objects.get(subject=quixote.id), marks_of(quixote)
    opened = crypto._unwrap(row, ring())
    copied = {"subject": str(row.subject), "ring_key": row.ring_key, "wrapped": bytes(row.wrapped or b"").hex()}
    assert opened_by_what_is_left(copied)
    erase_person(person=quixote, actor=None)
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    assert "wrapped key" in found(marks, *disk)
    left = [path.read_bytes() for path in disk[2].rglob("*") if path.is_file()]
    assert len(left) >= 30
    assert not opened_by_what_is_left(copied)
    assert opened not in b"".join(left)


def test_after_the_promised_work_nothing_is_found_and_the_log_says_so(quixote: Person, disk: tuple[Path, ...]) -> None:
    marks, others = marks_of(quixote), marks_of(Person.objects.get(full_name="Sancho 7"))
    receipt = erase_person(person=quixote, actor=None)
    assert timezone.now() < receipt.due_at < timezone.now() + timedelta(hours=settings.ERASURE_WITHIN_H, minutes=1)
    assert not AuditEvent.objects.filter(action=Action.PERSON_ERASURE_COMPLETED).exists()
    assert erasure.complete() == 0
    assert found(marks, *disk).keys() <= OPENED_BY_NOTHING
    assert found({"name": others["name"], "search vector": others["search vector"]}, *disk)
    done = AuditEvent.objects.get(action=Action.PERSON_ERASURE_COMPLETED)
    assert (done.subject_id, done.details) == (receipt.person_id, {"in_time": True})
    assert Erasure.objects.get(pk=receipt.person_id).completed_at is not None


def test_it_waits_for_whoever_may_still_see_the_rows(quixote: Person, disk: tuple[Path, ...]) -> None:
    marks = marks_of(quixote)
    seen, leave = threading.Event(), threading.Event()

    def look() -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            list(DataKey.objects.all()[:1])
            seen.set()
            leave.wait(60)
        connection.close()

    looker = threading.Thread(target=look)
    looker.start()
    assert seen.wait(30)
    erase_person(person=quixote, actor=None)
    assert erasure.complete() == 1
    leave.set()
    looker.join(30)
    assert erasure.complete() == 0
    assert found(marks, *disk).keys() <= OPENED_BY_NOTHING


def test_a_share_that_could_not_be_destroyed_keeps_the_receipt_open(
    quixote: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise OSError("the disk is away")

    with monkeypatch.context() as patched:
        patched.setattr(shares, "_overwrite", broken)
        erase_person(person=quixote, actor=None)
        assert erasure.complete() == 1
    assert erasure.complete() == 0


def test_the_templates_of_a_withdrawn_consent_leave_the_disk_as_well(quixote: Person, disk: tuple[Path, ...]) -> None:
    marks = {name: mark for name, mark in marks_of(quixote).items() if name in {"search vector", "sealed template"}}
    consents.withdraw(consent=quixote.consents.get(), actor=None)
    rewriting.run()
    assert found(marks, *disk) == {}


def test_keys_of_a_former_version_leave_the_disk_once_they_have_shares(disk: tuple[Path, ...]) -> None:
    row = DataKey(subject=uuid.uuid4())
    crypto._wrap(row, bytes(range(32)), ring())
    row.save()
    marks = {"wrapped by the ring alone": bytes(row.wrapped or b"")}
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    assert found(marks, *disk)
    assert crypto.give_shares() == 1
    assert rewriting.run()
    assert found(marks, *disk) == {}


def test_the_command_completes_and_tells_what_is_left(quixote: Person, capsys: pytest.CaptureFixture[str]) -> None:
    erase_person(person=quixote, actor=None)
    call_command("erasures")
    assert "1 to complete" in capsys.readouterr().out
    call_command("erasures", "--complete")
    assert "0 to complete" in capsys.readouterr().out


@pytest.fixture(autouse=True)
def clean_after() -> Iterator[None]:
    yield
    DataKey.objects.all().delete()
