"""Whoever asked never decides: not by role, not through a key, not in admin, and not past the services."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from enrollment.models import Enrollment, Person
from heirloom.accounts.models import User
from heirloom.accounts.services import create_login
from heirloom.api import keys
from heirloom.embedded import doctor_services
from heirloom.embedded.findings import State
from heirloom.errors import Refusal
from heirloom.reviews.models import Review
from heirloom.reviews.services import claim, decide, nobody_may_decide, open_review
from tests.cast import PASSWORD, Cast, caller, make_cast
from tests.portal.conftest import signed_in, text_of
from verification.models import Verification


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def case_of(owner: User, **more: object) -> Review:
    sent = Verification.objects.create(owner=owner, mode="verification", outcome="needs_review", **more)
    return open_review(kind="verification", subject_id=sent.id, reasons=("challenge_alone",), risk=0.2)


def approve(case: Review, reviewer: User) -> Review:
    return decide(review_id=case.id, reviewer=reviewer, verdict="approved", reason_code="same_person")


def own_request() -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == "own_request")


def test_an_admin_decides_nothing_that_the_admin_sent(cast: Cast) -> None:
    case = case_of(cast.ada)
    with own_request():
        claim(review_id=case.id, reviewer=cast.ada)
    with own_request():
        approve(case, cast.ada)
    answer = caller(cast.ada).post(
        f"/api/v1/reviews/{case.id}/verdict/", {"verdict": "approved", "reason": "same_person"}, format="json"
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "own_request")
    assert approve(case, cast.rhea).decided_by == cast.rhea


def test_the_page_of_a_case_offers_its_sender_no_verdict_and_takes_none(cast: Cast) -> None:
    case, client = case_of(cast.ada), signed_in(cast.ada)
    page = f"/admin/reviews/review/{case.id}/change/"
    assert "another must decide it" in text_of(client.get(page))
    assert "You asked for this yourself" in _told(client, page)
    case.refresh_from_db()
    assert (case.verdict, case.claimed_by) == ("", None)


def _told(client: Client, page: str) -> str:
    client.post(page, {"act": "approved", "reason_code": "same_person"})
    return text_of(client.get(page))


def test_who_made_the_key_or_owns_it_does_not_decide_what_came_through_it(cast: Cast) -> None:
    both = create_login(username="both", password=PASSWORD, roles=("client", "reviewer"))
    made = keys.create(owner=both, name="Gate", actor=cast.ada, scopes=())
    case = case_of(both, api_key=made.key)
    assert set(case.askers) == {both.pk, cast.ada.pk}
    for asker in (both, cast.ada):
        with own_request():
            approve(case, asker)
    approve(case, cast.rhea)


def test_who_is_known_later_to_have_asked_does_not_decide_either(cast: Cast) -> None:
    both = create_login(username="both", password=PASSWORD, roles=("client", "reviewer"))
    made = keys.create(owner=both, name="Gate", actor=both, scopes=())
    case = case_of(both, api_key=made.key)
    claim(review_id=case.id, reviewer=cast.ada)
    keys.rotate(key=made.key, actor=cast.ada)
    with own_request():
        approve(case, cast.ada)
    # Half an hour later nobody holds it.
    Review.objects.update(claimed_by=None, claimed_at=None)
    approve(case, cast.rhea)
    case.refresh_from_db()
    assert cast.ada.pk in case.askers


def test_who_handed_the_pictures_in_does_not_say_that_they_are_of_somebody_else(cast: Cast) -> None:
    person = Person.objects.create(full_name="Eileen")
    visit = Enrollment.objects.create(person=person, source="api", requested_by=cast.ada)
    case = open_review(kind="duplicate", subject_id=visit.id, reasons=("duplicate_person",), risk=0.5)
    with own_request():
        decide(review_id=case.id, reviewer=cast.ada, verdict="approved", reason_code="different_person")


def test_the_database_holds_everybody_to_it(cast: Cast) -> None:
    case = case_of(cast.ada)
    verdict = {"verdict": "approved", "reason_code": "same_person", "decided_at": case.created_at}
    for written in ({"decided_by": cast.ada, **verdict}, {"claimed_by": cast.ada}, verdict, {"askers": []}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Review.objects.filter(pk=case.pk).update(**written)
    assert Review.objects.filter(pk=case.pk).update(decided_by=cast.rhea, **verdict)


def test_where_nobody_else_may_decide_the_case_waits_and_doctor_says_so(cast: Cast) -> None:
    case_of(cast.ada)
    assert nobody_may_decide() == 0
    assert [found.state for found in doctor_services.reviewers()] == [State.OK]
    User.objects.filter(pk=cast.rhea.pk).update(is_active=False)
    assert nobody_may_decide() == 1
    (found,) = doctor_services.reviewers()
    assert (found.state, "1 cases wait" in found.detail) == (State.WARNING, True)
    Review.objects.all().delete()
    (found,) = doctor_services.reviewers()
    assert (found.state, found.detail.startswith("ada alone")) == (State.WARNING, True)
