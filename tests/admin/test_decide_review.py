"""One case: seen whole, decided once."""

from collections.abc import Callable

import pytest
from django.test import Client

from enrollment.models import Person
from heirloom.audit.models import Action, AuditEvent
from heirloom.reviews.models import Review
from tests.admin.conftest import page_of, unknown_page, waiting
from tests.cast import Cast
from tests.portal.conftest import signed_in, text_of
from verification.models import Verification

APPROVE = {"act": "approved", "reason_code": "same_person"}
REJECT = {"act": "rejected", "reason_code": "attack_confirmed", "comment": "A tablet's edge is in the picture."}


def test_the_page_shows_both_sides_scores_reasons_and_what_could_not_run(rhea: Client, suspicious: Review) -> None:
    page = text_of(rhea.get(page_of(suspicious)))
    for shown in (
        "Is this Eileen Collins, and was a live person in front of the camera?",
        "Whether a live person was shown could not be told.",
        "Enrolled",
        "Received",
        "a match from 0.50",
        "dlib-resnet",
        "no attack detector is installed",
    ):
        assert shown in page
    assert "Raw score" not in page


def test_approving_decides_the_verification_and_leaves_the_outcome(rhea: Client, cast: Cast) -> None:
    review = waiting(cast)
    answer = rhea.post(page_of(review), APPROVE)
    assert answer.headers["Location"] == page_of(review)
    verification = Verification.objects.get()
    assert (verification.outcome, verification.decision) == ("needs_review", "approved")
    decided = AuditEvent.objects.get(action=Action.REVIEW_DECIDED)
    assert (decided.actor_id, decided.details["verdict"]) == (str(cast.rhea.pk), "approved")


def test_rejecting_decides_it_too(rhea: Client, cast: Cast) -> None:
    rhea.post(page_of(waiting(cast)), REJECT)
    assert Verification.objects.get().decision == "rejected"


def test_after_a_decision_the_page_is_read_only_and_says_who_decided(rhea: Client, suspicious: Review) -> None:
    rhea.post(page_of(suspicious), REJECT)
    page = text_of(rhea.get(page_of(suspicious)))
    assert "Decided by <strong>rhea</strong>" in page
    assert "A photo, screen or mask was shown" in page
    assert "tablet" in page
    assert 'name="act"' not in page


def test_nobody_decides_twice(rhea: Client, ada: Client, cast: Cast) -> None:
    review = waiting(cast)
    rhea.post(page_of(review), REJECT)
    answer = ada.post(page_of(review), APPROVE, follow=True)
    assert "This case is already decided." in text_of(answer)
    assert Verification.objects.get().decision == "rejected"
    assert AuditEvent.objects.filter(action=Action.REVIEW_DECIDED).count() == 1


@pytest.mark.parametrize("field", ["verdict", "risk", "decided_by", "comment"])
def test_nothing_is_typed_over(rhea: Client, cast: Cast, field: str) -> None:
    review = waiting(cast)
    rhea.post(page_of(review), {field: "approved", "_save": "Save"})
    review.refresh_from_db()
    assert not review.is_decided
    assert review.risk == pytest.approx(0.4)


def test_a_verdict_needs_a_reason(rhea: Client, cast: Cast) -> None:
    review = waiting(cast)
    assert "This field is required." in text_of(rhea.post(page_of(review), {"act": "approved"}))
    review.refresh_from_db()
    assert not review.is_decided


def test_another_reason_is_to_be_said(rhea: Client, cast: Cast) -> None:
    answer = rhea.post(page_of(waiting(cast)), {"act": "rejected", "reason_code": "other"})
    assert "Say the other reason in the comment." in text_of(answer)
    assert not Review.objects.exclude(verdict="").exists()


def test_a_claimed_case_is_left_to_who_holds_it(rhea: Client, ada: Client, cast: Cast) -> None:
    review = waiting(cast)
    ada.post(page_of(review), {"act": "claim"})
    assert "ada holds this case" in text_of(rhea.get(page_of(review)))
    assert "Another reviewer holds this case." in text_of(rhea.post(page_of(review), APPROVE, follow=True))
    ada.post(page_of(review), {"act": "release"})
    rhea.post(page_of(review), APPROVE)
    review.refresh_from_db()
    assert review.decided_by == cast.rhea


def test_a_possible_duplicate_shows_both_people_and_is_enrolled_when_they_are_two(
    rhea: Client, doubtful: Review, work: Callable[[], None]
) -> None:
    page = text_of(rhea.get(page_of(doubtful)))
    assert "Is Somebody Else the same human being as Eileen Collins?" in page
    rhea.post(page_of(doubtful), {"act": "approved", "reason_code": "different_person"})
    work()
    assert Person.objects.get(employee_id="E-2").templates.count() == 1


def test_a_duplicate_that_is_one_is_not_enrolled(rhea: Client, doubtful: Review, work: Callable[[], None]) -> None:
    rhea.post(page_of(doubtful), {"act": "rejected", "reason_code": "same_person"})
    work()
    somebody = Person.objects.get(employee_id="E-2")
    assert not somebody.templates.exists()
    assert not somebody.captures.exclude(storage_name="").exists()


def test_a_case_whose_person_was_erased_says_so(rhea: Client, cast: Cast) -> None:
    review = waiting(cast)
    Verification.objects.all().delete()
    assert "has been erased" in text_of(rhea.get(page_of(review)))


def test_others_decide_nothing(hana: Client, cleo: Client, cast: Cast) -> None:
    review = waiting(cast)
    for client in (hana, cleo):
        assert client.post(page_of(review), APPROVE).status_code == 302
    cast.hana.is_staff = True
    cast.hana.save()
    assert signed_in(cast.hana).post(page_of(review), APPROVE).status_code == 403
    review.refresh_from_db()
    assert not review.is_decided


def test_an_unknown_id_is_not_found(rhea: Client) -> None:
    assert rhea.get(unknown_page()).status_code == 404
    assert rhea.get("/admin/reviews/review/not-an-id/change/").status_code == 404
