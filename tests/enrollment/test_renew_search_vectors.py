"""Search vectors are made anew around a center: everybody is found before, meanwhile and afterwards."""

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from bench.likenesses import DLIB
from enrollment.models import Person, PersonTemplate
from enrollment.services import duplicates, gallery, protection, renewal
from enrollment.tasks import renew_search_vectors
from heirloom.crypto import services as crypto
from heirloom.decision.center import Center, centers, dump, mean_of_people
from heirloom.decision.policy import Provenance
from heirloom.embedded import doctor_services
from heirloom.embedded.findings import State
from heirloom.vision.types import Template
from tests.enrollment.test_search_gallery import Vectors, enroll, unit
from tests.jobs.workers import soon

pytestmark = pytest.mark.django_db(transaction=True)  # an index is built beside another outside of any
MODEL, COUNT, DIMENSIONS = "narrow-model", 100, 128
ROOT = Path(__file__).parents[2]
PEOPLE = DLIB.people(0, COUNT)
TEMPLATES, PHOTOS = DLIB.photos(PEOPLE, 1, averaged=3), DLIB.photos(PEOPLE, 2)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def policies(tmp_path: Path, settings: Any) -> Path:
    """The operator's own policies: none yet."""
    settings.POLICY_DIR = tmp_path / "policies"
    return tmp_path / "policies"


def measured(seed: int = 7) -> tuple[float, ...]:
    return mean_of_people(DLIB.photos(DLIB.people(10_000, 10_400), seed), np.arange(400))


def put_in_force(policies: Path, vector: tuple[float, ...], model: str = MODEL) -> None:
    """Put a center in force as an operator does: a file, and a start of all processes."""
    source = Provenance("made up", 400, 400, "2026-01-05", "manage.py calibrate")
    (policies / "center").mkdir(parents=True, exist_ok=True)
    (policies / "center" / f"{model}.json").write_text(dump(Center(model, source, vector)))
    from enrollment.services.policies import _centers

    _centers.cache_clear()


def firsts(photos: Vectors = PHOTOS) -> list[uuid.UUID]:
    return [gallery.search(probe=Template(MODEL, photo), count=1).hits[0].person.id for photo in photos]


def ids(people: Sequence[Person]) -> list[uuid.UUID]:
    return [person.id for person in people]


def exactly_first(people: Sequence[Person]) -> list[uuid.UUID]:
    return [people[number].id for number in (PHOTOS @ TEMPLATES.T).argmax(axis=1)]


def test_everybody_is_found_before_meanwhile_and_afterwards(policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = enroll(TEMPLATES, MODEL)
    wanted = exactly_first(people)
    assert firsts() == wanted
    put_in_force(policies, measured())
    assert renewal.still_to_do() == COUNT
    assert firsts() == wanted
    monkeypatch.setattr(renewal, "BATCH", 40)
    for left, made in zip((60, 20, 0), renewal.renew(), strict=True):
        assert (made, renewal.still_to_do()) == (40 if left else 20, left)
        assert firsts() == wanted
    monkeypatch.setattr(gallery, "EXACT_UP_TO", 0)
    assert firsts() == wanted
    assert list(renewal.renew()) == []


def test_a_large_gallery_is_not_left_to_the_index_while_vectors_of_two_kinds_are_in_it(
    policies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enroll(TEMPLATES, MODEL)
    put_in_force(policies, measured())
    monkeypatch.setattr(gallery, "EXACT_UP_TO", 0)
    monkeypatch.setattr(gallery, "searching", lambda **_walk: pytest.fail("the index was asked"))
    assert len(firsts(PHOTOS[:1])) == 1


def test_the_index_is_built_anew_before_it_is_asked_again(policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So no walk meets what the vectors of before left in it; a run that is cut off there builds it once more."""
    enroll(TEMPLATES[:60], MODEL)
    put_in_force(policies, measured())
    monkeypatch.setattr(renewal, "BATCH", 20)
    rebuild, left = renewal.rebuild_index, []
    monkeypatch.setattr(renewal, "rebuild_index", lambda size: left.append((size, renewal.still_to_do())) or False)
    assert sum(renewal.renew()) == 40
    monkeypatch.setattr(renewal, "rebuild_index", rebuild)
    before = index_file()
    assert sum(renewal.renew()) == 20
    assert left == [(DIMENSIONS, 20)]
    assert index_file() != before


def index_file() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_filenode('person_vectors_128'), reloptions FROM pg_class WHERE relname = %s",
            ["person_vectors_128"],
        )
        (node, options) = cursor.fetchone()
    assert options == ["m=24", "ef_construction=128"]
    return int(node)


def test_a_second_process_leaves_the_index_to_the_first() -> None:
    rebuild = threading.Thread(target=rebuilt_elsewhere)
    with psycopg.connect(configured.DATABASE_URL) as holding_it_up:
        holding_it_up.execute("SELECT FROM enrollment_persontemplate FOR UPDATE")
        rebuild.start()
        soon(rebuild_is_under_way)
        assert not renewal.rebuild_index(DIMENSIONS)
    rebuild.join(30)
    said = StringIO()
    call_command("reembed", "index", stdout=said)
    assert said.getvalue() == "Built anew.\n"


def rebuilt_elsewhere() -> None:
    with psycopg.connect(configured.DATABASE_URL, autocommit=True) as other:
        other.execute("REINDEX INDEX CONCURRENTLY person_vectors_128")


def rebuild_is_under_way() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(renewal.UNDER_WAY)
        return bool(cursor.fetchone()[0])


def test_a_row_that_is_made_anew_during_a_search_is_found(policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = enroll(TEMPLATES[:10], MODEL)
    put_in_force(policies, measured())
    ask = gallery._ids

    def renewed_in_between(rows: Any, kind: Any, *more: Any, **named: Any) -> list[int]:
        found = ask(rows, kind, *more, **named)
        if kind.center is None:
            assert sum(renewal.renew()) == 10
        return found

    monkeypatch.setattr(gallery, "_ids", renewed_in_between)
    assert firsts(PHOTOS[3:4]) == [people[3].id]


def test_whoever_is_enrolled_meanwhile_gets_the_kind_in_force(policies: Path) -> None:
    people = enroll(TEMPLATES[:3], MODEL)
    put_in_force(policies, measured())
    kind = protection.in_force(MODEL)
    enroll_centered(TEMPLATES[3:4])
    assert PersonTemplate.objects.filter(protection=kind.fingerprint).count() == 1
    assert firsts(PHOTOS[:3]) == ids(people)
    assert renewal.still_to_do() == 3


def enroll_centered(vectors: Vectors, model: str = MODEL) -> list[Person]:
    """Enroll, and make the search vectors of everybody so enrolled as they are made now."""
    people, kind = enroll(vectors, model), protection.in_force(model)
    for person, vector in zip(people, vectors, strict=True):
        row = PersonTemplate.objects.filter(person=person, model=model)
        row.update(vector=kind.protect(vector).tolist(), protection=kind.fingerprint)
    return people


def test_rows_of_a_kind_that_nobody_can_make_any_more_are_found_too(policies: Path) -> None:
    """As after another center of one's own, or a new secret for the rotation."""
    put_in_force(policies, measured())
    people = enroll_centered(TEMPLATES[:40])
    put_in_force(policies, measured(8))
    assert firsts(PHOTOS[:40]) == ids(people)
    assert renewal.still_to_do() == 40
    PersonTemplate.objects.filter(person=people[5]).update(protection="ffffffffffffffff", vector=[1.0] * DIMENSIONS)
    assert firsts(PHOTOS[:40]) == ids(people)
    assert sum(renewal.renew()) == 40
    assert firsts(PHOTOS[:40]) == ids(people)


def test_the_scores_are_those_of_the_true_templates(policies: Path) -> None:
    put_in_force(policies, measured())
    people = enroll_centered(TEMPLATES)
    numbers = {person.id: number for number, person in enumerate(people)}
    for found in (
        gallery.search(probe=Template(MODEL, PHOTOS[9]), count=5),
        gallery.search_others(probe=Template(MODEL, PHOTOS[9]), count=5, than=[people[3].id]),
    ):
        assert [hit.score for hit in found.hits] == pytest.approx(
            [float(TEMPLATES[numbers[hit.person.id]] @ PHOTOS[9]) for hit in found.hits], abs=1e-6
        )
        assert found.hits[0].person.id == people[9].id


def test_a_newcomer_is_held_to_the_policy_of_true_scores() -> None:
    """Around the center they resemble each other by 0.85: as a true score that would be nobody at all."""
    model = "dlib-resnet-v1-avg3"
    (center,) = (np.array(one.vector) for one in centers(model))
    apart = unit(np.random.default_rng(3).standard_normal((3, DIMENSIONS)).astype(np.float32))
    newcomer = 0.85 * apart[0] + np.sqrt(1 - 0.85**2) * apart[2]
    known, other, probe = (unit((center + 0.38 * one).astype(np.float32)) for one in (apart[0], apart[1], newcomer))
    people = enroll_centered(np.stack([known, other]), model)
    assert float(probe @ known) > 0.96 > float(probe @ other)
    found = duplicates.look(probe=Template(model, probe), pictures=1, but=[])
    assert (found.reasons, found.person_id) == (("duplicate_person",), people[0].id)
    assert duplicates.look(probe=Template(model, probe), pictures=1, but=[people[0].id]).reasons == ()


def test_a_template_and_a_probe_that_equal_the_center_are_found(policies: Path) -> None:
    vector = tuple(float(number) for number in TEMPLATES[0])
    put_in_force(policies, tuple(number * 0.999999 for number in vector))
    people = enroll_centered(TEMPLATES[:5])
    assert firsts(TEMPLATES[:5]) == ids(people)


def test_what_was_erased_or_is_being_written_is_passed_over(policies: Path) -> None:
    people = enroll(TEMPLATES[:3], MODEL)
    put_in_force(policies, measured())
    crypto.destroy(subject=people[1].id)
    assert sum(renewal.renew()) == 2
    assert sum(renewal.renew()) == 0


def test_background_work_and_the_command_finish_it_and_the_doctor_tells(policies: Path) -> None:
    enroll(TEMPLATES[:30], MODEL)
    put_in_force(policies, measured())
    (finding,) = doctor_services.search_vectors()
    assert (finding.state, finding.detail[:2]) == (State.WARNING, "30")
    assert "reembed vectors" in finding.remedy
    assert renew_search_vectors() == 30
    (finding,) = doctor_services.search_vectors()
    assert finding.state is State.OK
    put_in_force(policies, measured(8))
    said = StringIO()
    call_command("reembed", "vectors", stdout=said)
    assert said.getvalue() == "Made 30 of 30 search vectors anew; 0 are of a former kind.\n"


def test_a_turn_of_the_background_work_ends_in_time(policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enroll(TEMPLATES[:30], MODEL)
    put_in_force(policies, measured())
    monkeypatch.setattr(renewal, "BATCH", 10)
    assert [renewal.renew_for(0.0) for _ in range(4)] == [10, 10, 10, 0]


def test_a_row_that_another_transaction_holds_is_not_waited_for(
    policies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "rebuild_index", lambda _size: True)  # this does wait for other transactions
    people = enroll(TEMPLATES[:3], MODEL)
    put_in_force(policies, measured())
    with psycopg.connect(configured.DATABASE_URL) as other:
        other.execute("SELECT FROM enrollment_persontemplate WHERE person_id = %s FOR UPDATE", [people[1].id])
        assert sum(renewal.renew()) == 2
    assert sum(renewal.renew()) == 1


KILLED_WITHIN_A_BATCH = """
import os, signal, django
django.setup()
from enrollment.services import renewal, templates
from_rows, renewal.BATCH = templates.from_rows, 20
def killed(rows, turns=[]):
    turns.append(1)
    if len(turns) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return from_rows(rows)
templates.from_rows = killed
list(renewal.renew())
"""


def test_a_run_that_was_killed_leaves_everybody_found_and_the_next_goes_on(policies: Path) -> None:
    wanted = exactly_first(enroll(TEMPLATES, MODEL))
    put_in_force(policies, measured())
    environment = {**os.environ, "POLICY_DIR": str(policies), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED_WITHIN_A_BATCH], env=environment, check=False, timeout=60)
    assert done.returncode == -9
    assert renewal.still_to_do() == COUNT - 40
    assert firsts() == wanted
    assert sum(renewal.renew()) == COUNT - 40
    assert firsts() == wanted
