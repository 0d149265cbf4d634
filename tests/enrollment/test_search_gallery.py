"""Searching the gallery: who is nearest, exactly while that is quick, by the index beyond."""

import os
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import pytest_django
from django.core.cache import cache
from django.db import connection
from numpy.typing import NDArray
from pgvector import HalfVector

from enrollment.models import Person, PersonTemplate
from enrollment.querysets import searching
from enrollment.services import gallery, templates
from heirloom.accounts.limits import GalleryLimit
from heirloom.crypto import rotation
from heirloom.crypto import services as crypto
from heirloom.crypto.keys import ring
from heirloom.crypto.models import DataKey
from heirloom.vision.types import Template

pytestmark = pytest.mark.django_db
MODEL, CROWD_MODEL, CROWD, DIMENSIONS = "test-model", "crowd-model", 2000, 128
Vectors = NDArray[np.float32]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def drawn(count: int, seed: int = 1) -> Vectors:
    return unit(np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32))


def near(vector: Vectors, seed: int = 2, model: str = MODEL) -> Template:
    """A photo of the person with this template: far nearer to it than anybody else is."""
    return Template(model, unit(vector + drawn(1, seed)[0] * np.float32(0.3)))


def enroll(vectors: Vectors, model: str = MODEL) -> list[Person]:
    people = Person.objects.bulk_create(
        Person(full_name=f"Person {number:05}", department="odd" if number % 2 else "even")
        for number in range(len(vectors))
    )
    keys = DataKey.objects.bulk_create(wrapped(person.id) for person in people)
    turn = rotation.rotation(model)
    PersonTemplate.objects.bulk_create(
        PersonTemplate(
            person=person,
            model=model,
            dimensions=DIMENSIONS,
            reference_count=1,
            vector_sealed=sealed(key, model, vector.tobytes()),
            vector=HalfVector(turn.protect(vector)),
            protection=turn.fingerprint,
        )
        for person, key, vector in zip(people, keys, vectors, strict=True)
    )
    return people


def wrapped(person: uuid.UUID) -> DataKey:
    """Return a key as former versions made them: without a share, so a crowd has no thousands of files."""
    row = DataKey(subject=person)
    crypto._wrap(row, os.urandom(32), ring())
    return row


def sealed(key: DataKey, model: str, plain: bytes) -> bytes:
    """Seal as crypto.seal does, without asking the database for a key that is at hand."""
    place = templates.mean_place(model, 1)
    return crypto.sealed_by(crypto._unwrap(key, ring()), subject=key.subject, plaintext=plain, place=place)


def found(probe: Template, **more: Any) -> list[uuid.UUID]:
    return [hit.person.id for hit in gallery.search(probe=probe, count=more.pop("count", 5), **more).hits]


@pytest.fixture
def by_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search galleries of any size by the index."""
    monkeypatch.setattr(gallery, "EXACT_UP_TO", 0)


@pytest.fixture(scope="module")
def crowd() -> Vectors:
    return drawn(CROWD)


@pytest.fixture(scope="module")
def enrolled(
    crowd: Vectors, django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[list[Person]]:
    """The crowd, enrolled under a model of its own for all tests of this file."""
    with django_db_blocker.unblock():
        people = enroll(crowd, CROWD_MODEL)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE enrollment_persontemplate, enrollment_person")
    yield people
    with django_db_blocker.unblock():
        Person.objects.filter(pk__in=[person.id for person in people]).delete()
        DataKey.objects.all().delete()  # and that of the rotation, which was made for them


def test_the_search_ranks_as_the_exact_numbers_do(crowd: Vectors) -> None:
    people = enroll(crowd[:100])
    probe = near(crowd[7])
    ranked = np.argsort(-(crowd[:100] @ probe.vector))[:5]
    searched = gallery.search(probe=probe, count=5)
    assert [hit.person.id for hit in searched.hits] == [people[number].id for number in ranked]
    assert [hit.score for hit in searched.hits] == pytest.approx(crowd[ranked] @ probe.vector, abs=1e-5)
    assert searched.gallery_size == 100


def test_the_index_agrees_with_the_exact_search(
    crowd: Vectors, enrolled: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = range(0, CROWD, CROWD // 40)
    probes = [near(crowd[number], number, CROWD_MODEL) for number in numbers]
    exactly = [found(probe)[0] for probe in probes]
    assert exactly == [enrolled[number].id for number in numbers]
    monkeypatch.setattr(gallery, "EXACT_UP_TO", 0)
    assert [found(probe)[0] for probe in probes] == exactly


@pytest.mark.usefixtures("by_index")
def test_the_index_is_walked_on_until_enough_may_be_found(crowd: Vectors, enrolled: list[Person]) -> None:
    """Those next to the probe are suspended or outside the gallery, more of them than are in view: others are found."""
    probe = near(crowd[3], model=CROWD_MODEL)
    nearest = [enrolled[number].id for number in np.argsort(-(crowd @ probe.vector))]
    Person.objects.filter(pk__in=nearest[:600]).update(status="suspended")
    assert len(found(probe)) == 5
    assert set(found(probe)) <= set(nearest[600:700])
    allowed = set(nearest[1200:])
    assert len(found(probe, person_ids=list(allowed))) == 5
    assert set(found(probe, person_ids=list(allowed))) <= allowed


def test_the_suspended_are_found_only_by_whoever_looks_for_duplicates(crowd: Vectors) -> None:
    people = enroll(crowd[:20])
    Person.objects.filter(pk=people[4].pk).update(status="suspended")
    probe = near(crowd[4])
    assert people[4].id not in found(probe, count=20)
    assert gallery.search(probe=probe, count=1).gallery_size == 19
    others = gallery.search_others(probe=probe, count=1, than=[people[5].id])
    assert [hit.person.id for hit in others.hits] == [people[4].id]
    assert others.gallery_size == 19


def test_a_limited_search_finds_only_whom_it_may(crowd: Vectors) -> None:
    people = enroll(crowd[:40])
    odd = gallery.people_within(GalleryLimit(departments=("odd",)))
    searched = gallery.search(probe=near(crowd[4]), count=40, person_ids=odd)
    assert {hit.person.department for hit in searched.hits} == {"odd"}
    assert (len(searched.hits), searched.gallery_size) == (20, 20)
    assert found(near(crowd[4]), person_ids=[people[9].id]) == [people[9].id]
    assert found(near(crowd[4]), person_ids=[]) == []


def test_whoever_was_erased_meanwhile_is_left_out(crowd: Vectors) -> None:
    people = enroll(crowd[:3])
    crypto.destroy(subject=people[1].id)
    assert set(found(near(crowd[1]))) == {people[0].id, people[2].id}


def test_a_search_costs_the_same_queries_however_many_are_found(
    crowd: Vectors, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enroll(crowd[:60])
    probe = near(crowd[4])
    for count in (1, 50):
        # how many there are, the rotation's key, which kinds of vectors, who is nearest, their rows, keys
        with django_assert_num_queries(6):
            assert len(found(probe, count=count)) == count
    monkeypatch.setattr(gallery, "EXACT_UP_TO", 10)
    monkeypatch.setattr(gallery, "COUNTED_UP_TO", 10)
    found(probe)
    with django_assert_num_queries(8):  # the size is known, but the walk is set in a transaction of its own
        found(probe, count=50)


def test_a_large_gallery_is_counted_once_in_a_while(crowd: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "COUNTED_UP_TO", 10)
    enroll(crowd[:20])
    assert gallery.search(probe=near(crowd[4]), count=1).gallery_size == 20
    enroll(crowd[20:23])
    assert gallery.search(probe=near(crowd[4]), count=1).gallery_size == 20
    cache.clear()
    assert gallery.search(probe=near(crowd[4]), count=1).gallery_size == 23


def test_a_small_gallery_is_counted_each_time(crowd: Vectors) -> None:
    for size in (1, 2):
        enroll(crowd[size : size + 1])
        assert gallery.search(probe=near(crowd[4]), count=1).gallery_size == size


@pytest.mark.usefixtures("enrolled")
def test_the_search_by_the_index_uses_it_and_the_exact_one_does_not(crowd: Vectors) -> None:
    rows = PersonTemplate.objects.gallery(CROWD_MODEL, dimensions=DIMENSIONS)
    active = rows.exclude(person__in=Person.objects.exclude(status="active"))
    plans = {
        exact: active.nearest(HalfVector(crowd[0]), dimensions=DIMENSIONS, count=10, exact=exact).explain()
        for exact in (True, False)
    }
    assert "person_vectors_128" in plans[False]
    assert "person_vectors_128" not in plans[True]


def test_the_walk_is_set_for_its_transaction_alone() -> None:
    with searching(width=123), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('hnsw.ef_search'), current_setting('hnsw.iterative_scan')")
        assert cursor.fetchone() == ("123", "relaxed_order")
