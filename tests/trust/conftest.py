"""A house of a few people with templates, and attempts as a day leaves them; no picture is computed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from enrollment.models import Capture, Person
from enrollment.services import consents, people, templates
from heirloom.decision import policy_files
from heirloom.reviews.models import Review
from heirloom.vision.types import Template
from tests.cast import Cast, make_cast
from tests.evaluation import made
from tests.portal.conftest import signed_in
from verification.models import Verification

MODEL = "dlib-resnet-v1-avg3"
POLICY = policy_files.load(MODEL).name  # type: ignore[union-attr]


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def rhea(cast: Cast) -> Client:
    return signed_in(cast.rhea)


@pytest.fixture
def crowd(cast: Cast) -> list[Person]:
    """Twenty-four people with two templates each: sixteen of the site Bern, eight of Basel."""
    gallery = made.gallery(24, 2, dimensions=128)
    return [_enrolled(gallery.vectors[gallery.people == number], number) for number in range(24)]


def _enrolled(vectors: np.ndarray, number: int) -> Person:
    metadata = {"site": "Bern" if number < 16 else "Basel"}
    person = people.create_person(full_name=f"Person {number}", metadata=metadata, actor=None)
    consent = consents.give(person=person, policy_version="1", method="written", given_at=timezone.now(), actor=None)
    capture = Capture.objects.create(
        subject=person.id, person=person, kind="image", mime="image/jpeg", source="test", size_bytes=1
    )
    new = [templates.NewTemplate(capture, Template(MODEL, vector), 90.0) for vector in vectors]
    templates.add(person=person, consent=consent, new=new)
    return person


Attempted = Callable[..., Verification]


@pytest.fixture
def attempted(cast: Cast) -> Attempted:
    """Leave one finished attempt, and a reviewer's word on it where one is given."""

    def leave(
        person: Person | None, outcome: str = "approved", *, verdict: str = "", reason: str = "", **more: Any
    ) -> Verification:
        fields = {"score": 0.97, "threshold": 0.95, "attack_outcome": "bona_fide", "policy": POLICY, **more}
        made_one = Verification.objects.create(
            owner=cast.cleo, person=person, mode="verification", outcome=outcome, **fields
        )
        if verdict:
            now = timezone.now()
            Review.objects.create(
                kind="verification", subject_id=made_one.id, due_at=now, verdict=verdict, reason_code=reason,
                decided_by=cast.rhea, decided_at=now,
            )  # fmt: skip
        return made_one

    return leave


def attempts(count: int, reviewed: int, *, at: datetime, **more: object) -> None:
    """Leave so many attempts of one day, evenly spread, of which so many went to a reviewer."""
    every = np.linspace(0, count - 1, reviewed).astype(int) if reviewed else np.empty(0, int)
    to_review = set(every.tolist())
    rows = [
        Verification(
            mode="verification",
            outcome="needs_review" if number in to_review else "approved",
            created_at=at + timedelta(milliseconds=number),
            **{"score": 0.97, "threshold": 0.95, "policy": POLICY, **more},
        )
        for number in range(count)
    ]
    with patch.object(Verification._meta.get_field("created_at"), "auto_now_add", new=False):
        Verification.objects.bulk_create(rows)
