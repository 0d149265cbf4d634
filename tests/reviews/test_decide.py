"""A case is decided once, by whoever holds it, with a reason."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from heirloom.audit.models import Action, AuditEvent
from heirloom.errors import Refusal
from heirloom.reviews.models import Review
from heirloom.reviews.services import claim, decide, open_review, release
from tests.cast import Cast, make_cast
from verification.models import Verification


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def case(cast: Cast) -> Review:
    verification = Verification.objects.create(owner=cast.cleo, mode="verification", outcome="needs_review")
    return open_review(kind="verification", subject_id=verification.id, reasons=("presentation_attack",), risk=0.9)


def refused(code: str) -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == code)


def test_a_verdict_decides_its_verification_and_is_audited(cast: Cast, case: Review) -> None:
    decide(review_id=case.id, reviewer=cast.rhea, verdict="rejected", reason_code="attack_confirmed")
    assert Verification.objects.get().decision == "rejected"
    assert AuditEvent.objects.get(action=Action.REVIEW_DECIDED).details["reason"] == "attack_confirmed"


def test_the_database_lets_nobody_type_over_a_verdict(cast: Cast, case: Review) -> None:
    decide(review_id=case.id, reviewer=cast.rhea, verdict="rejected", reason_code="attack_confirmed")
    with pytest.raises(IntegrityError, match="cannot be changed"), transaction.atomic():
        Review.objects.update(verdict="approved")
    with refused("already_decided"):
        decide(review_id=case.id, reviewer=cast.rhea, verdict="approved", reason_code="same_person")


def test_what_somebody_holds_nobody_else_decides(cast: Cast, case: Review) -> None:
    claim(review_id=case.id, reviewer=cast.rhea)
    for act in (claim, release):
        with refused("claimed_by_another"):
            act(review_id=case.id, reviewer=cast.ada)
    with refused("claimed_by_another"):
        decide(review_id=case.id, reviewer=cast.ada, verdict="rejected", reason_code="attack_confirmed")
    release(review_id=case.id, reviewer=cast.rhea)
    assert claim(review_id=case.id, reviewer=cast.ada).claimed_by == cast.ada


@pytest.mark.parametrize(
    ("verdict", "reason", "comment"),
    [
        ("maybe", "same_person", ""),
        ("approved", "because", ""),
        ("approved", "attack_confirmed", ""),
        ("rejected", "same_person", ""),
        ("approved", "other", " "),
    ],
)
def test_a_verdict_needs_a_known_word_and_a_reason(
    cast: Cast, case: Review, verdict: str, reason: str, comment: str
) -> None:
    with refused("validation_error"):
        decide(review_id=case.id, reviewer=cast.rhea, verdict=verdict, reason_code=reason, comment=comment)
    assert not Review.objects.get().is_decided


def test_the_riskiest_of_a_day_comes_first(case: Review) -> None:
    for risk in (0.2, 0.99):
        open_review(kind="verification", subject_id=uuid.uuid4(), reasons=(), risk=risk)
    assert [review.risk for review in Review.objects.queue()] == [0.99, 0.9, 0.2]


def test_a_subject_has_one_case_however_often_it_is_opened(case: Review) -> None:
    assert open_review(kind="verification", subject_id=case.subject_id, reasons=(), risk=0.1) == case
