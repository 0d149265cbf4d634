"""A face that takes the place of another is looked at by two: of an enrolled person nobody replaces it alone."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Enrollment, FaceTemplate, Person, PersonTemplate
from heirloom.errors import Refusal
from heirloom.reviews.models import Review
from heirloom.reviews.services import decide
from tests.api.conftest import CONSENT, codes
from tests.cast import Cast, caller
from tests.pictures import b64
from tests.portal.conftest import signed_in, text_of
from tests.portraits import Portrait

pytestmark = pytest.mark.django_db
LATER = {**CONSENT, "policy_version": "2026-2"}


def withdrawn(client: APIClient, person: str) -> None:
    assert client.post(f"/api/v1/people/{person}/consents/withdraw/").status_code == 200
    assert client.post(f"/api/v1/people/{person}/consents/", CONSENT, format="json").status_code == 201


def another_face(client: APIClient, person: str, photo: bytes) -> Any:
    body = {"person_name": "Eileen Astronaut", "person_id": person, "face_image_base64": b64(photo)}
    return client.post("/api/v1/add-face/", body, format="json")


def test_another_face_under_the_name_waits_though_the_consent_was_withdrawn_before(
    cast: Cast,
    hana: APIClient,
    enrolled: dict[str, Any],
    portraits: dict[str, Portrait],
) -> None:
    withdrawn(hana, enrolled["person_id"])
    answer = another_face(hana, enrolled["person_id"], portraits["hopper"].jpeg)
    assert (answer.status_code, codes(answer)) == (409, ["face_not_compared"])
    assert not FaceTemplate.objects.exists()
    case = Review.objects.get(kind="replacement")
    assert case.askers == [cast.hana.pk]
    page = text_of(signed_in(cast.rhea).get(f"/admin/reviews/review/{case.id}/change/"))
    assert "Do the new pictures show Eileen Astronaut?" in page
    assert "Enrolled before" in page
    decide(review_id=case.id, reviewer=cast.rhea, verdict="rejected", reason_code="different_person")
    visit = Enrollment.objects.get(pk=case.subject_id)
    assert (visit.outcome, visit.reasons) == ("refused", ["differs_from_enrolled"])
    assert not visit.captures.exclude(storage_name="").exists()


def test_the_same_face_comes_back_by_the_word_of_another_than_who_sent_it(
    cast: Cast,
    enrolled: dict[str, Any],
    portraits: dict[str, Portrait],
    work: Callable[[], None],
) -> None:
    ada = caller(cast.ada)
    withdrawn(ada, enrolled["person_id"])
    assert another_face(ada, enrolled["person_id"], portraits["astronaut"].jpeg).status_code == 409
    case = Review.objects.get(kind="replacement")
    word = {"review_id": case.id, "verdict": "approved", "reason_code": "same_person"}
    with pytest.raises(Refusal, check=lambda refusal: refusal.code == "own_request"):
        decide(reviewer=cast.ada, **word)
    decide(reviewer=cast.rhea, **word)
    work()
    assert Enrollment.objects.get(pk=case.subject_id).outcome == "enrolled"
    assert FaceTemplate.objects.count() == 1


def test_a_face_is_not_added_beside_templates_that_it_cannot_be_compared_with(
    hana: APIClient,
    enrolled: dict[str, Any],
    portraits: dict[str, Portrait],
) -> None:
    PersonTemplate.objects.update(model="an older model")
    FaceTemplate.objects.update(model="an older model")
    answer = another_face(hana, enrolled["person_id"], portraits["hopper"].jpeg)
    assert (answer.status_code, codes(answer)) == (409, ["face_not_compared"])


def test_who_was_never_enrolled_needs_nobody_elses_word(
    hana: APIClient,
    vision_process: Any,
    portraits: dict[str, Portrait],
) -> None:
    person = Person.objects.create(full_name="Grace Hopper", external_id="emp-1")
    withdrawn_before = hana.post(f"/api/v1/people/{person.id}/consents/", LATER, format="json")
    assert withdrawn_before.status_code == 201
    withdrawn(hana, str(person.id))
    answer = another_face(hana, "emp-1", portraits["hopper"].jpeg)
    assert answer.status_code == 201, answer.content
