"""POST /people/{id}/captures/: photos and clips, worked on in the background."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Capture, Enrollment, FaceTemplate, Person, PersonTemplate
from enrollment.services.templates import of_mean
from heirloom.crypto import services as crypto
from heirloom.reviews.models import Review
from heirloom.reviews.services import decide
from tests.api.conftest import CONSENT, codes
from tests.cast import Cast
from tests.pictures import clip, landscape, retaken
from tests.portraits import Portrait

Work = Callable[[], None]
pytestmark = pytest.mark.usefixtures("vision_process")


@pytest.fixture
def person(hana: APIClient) -> str:
    made = hana.post("/api/v1/people/", {"full_name": "Grace Hopper", "employee_id": "E-7"}, format="json").json()["id"]
    hana.post(f"/api/v1/people/{made}/consents/", CONSENT, format="json")
    return str(made)


def hand_in(client: APIClient, person: str, *files: bytes) -> Any:
    named = [BytesIO(data) for data in files]
    for number, file in enumerate(named):
        file.name = f"{number}.bin"
    return client.post(f"/api/v1/people/{person}/captures/", {"files": named}, format="multipart")


def followed(client: APIClient, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.content
    return dict(client.get(answer.json()["links"]["self"]).json())


def test_each_photo_gets_its_verdict(hana: APIClient, person: str, work: Work, portraits: dict[str, Portrait]) -> None:
    answer = hand_in(hana, person, portraits["hopper"].jpeg, landscape(), retaken(portraits["hopper"]))
    assert followed(hana, answer)["status"] == "processing"
    work()
    visit = followed(hana, answer)
    assert (visit["status"], visit["outcome"]) == ("done", "enrolled")
    assert [capture["verdicts"][0]["accepted"] for capture in visit["captures"]] == [True, False, True]
    assert visit["captures"][1]["verdicts"][0]["reasons"] == ["no_face"]
    assert hana.get(f"/api/v1/people/{person}/").json()["reference_count"] == 2


def test_a_refused_photo_leaves_no_file(hana: APIClient, person: str, work: Work) -> None:
    hand_in(hana, person, landscape())
    work()
    assert Enrollment.objects.get().outcome == Enrollment.Outcome.REFUSED
    assert Capture.objects.get().storage_name == ""
    assert not FaceTemplate.objects.exists()


def test_a_clip_enrolls_by_its_best_frames(
    hana: APIClient, person: str, work: Work, portraits: dict[str, Portrait], tmp_path: Path
) -> None:
    answer = hand_in(hana, person, clip(portraits["hopper"], tmp_path, seconds=3).read_bytes())
    work()
    visit = followed(hana, answer)
    assert visit["outcome"] == "enrolled", visit
    verdicts = visit["captures"][0]["verdicts"]
    assert 2 <= len(verdicts) <= 5
    assert verdicts == sorted(verdicts, key=lambda verdict: verdict["at_s"])


def test_a_consent_may_come_with_the_captures(hana: APIClient, work: Work, portraits: dict[str, Portrait]) -> None:
    made = hana.post("/api/v1/people/", {"full_name": "X"}, format="json").json()["id"]
    link, file = f"/api/v1/people/{made}/captures/", BytesIO(portraits["hopper"].jpeg)
    for wrong in ("yes", "[1]", json.dumps({**CONSENT, "given_at": "2999-01-01T00:00:00Z"})):
        assert hana.post(link, {"files": [BytesIO(b"x")], "consent": wrong}, format="multipart").status_code == 400
    answer = hana.post(link, {"files": [file], "consent": json.dumps(CONSENT)}, format="multipart")
    work()
    assert followed(hana, answer)["outcome"] == "enrolled"
    assert [one["is_active"] for one in hana.get(f"/api/v1/people/{made}/consents/").json()] == [True]


def test_without_consent_nothing_is_taken(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    made = hana.post("/api/v1/people/", {"full_name": "X"}, format="json").json()["id"]
    answer = hand_in(hana, made, portraits["hopper"].jpeg)
    assert (answer.status_code, codes(answer)) == (422, ["consent_required"])
    assert not Capture.objects.exists()


def test_one_file_that_cannot_be_taken_keeps_all_out(
    hana: APIClient, person: str, portraits: dict[str, Portrait]
) -> None:
    answer = hand_in(hana, person, portraits["hopper"].jpeg, b"<svg></svg>")
    assert (answer.status_code, codes(answer)) == (415, ["unsupported_format"])
    assert not Capture.objects.exists()
    assert not Enrollment.objects.exists()


def test_a_reviewer_may_clear_a_duplicate(
    hana: APIClient, cast: Cast, enrolled: dict[str, Any], person: str, work: Work, portraits: dict[str, Portrait]
) -> None:
    answer = hand_in(hana, person, retaken(portraits["astronaut"]), retaken(portraits["astronaut"], turned=-3))
    work()
    visit = followed(hana, answer)
    assert (visit["outcome"], visit["reasons"]) == ("needs_review", ["duplicate_person"])
    case = Review.objects.get(kind="duplicate")
    decide(review_id=case.id, reviewer=cast.rhea, verdict="approved", reason_code="different_person")
    work()
    assert followed(hana, answer)["outcome"] == "enrolled"


def test_a_reviewer_may_confirm_a_duplicate(
    hana: APIClient, cast: Cast, enrolled: dict[str, Any], person: str, work: Work, portraits: dict[str, Portrait]
) -> None:
    hand_in(hana, person, retaken(portraits["astronaut"]))
    work()
    case = Review.objects.get(kind="duplicate")
    decide(review_id=case.id, reviewer=cast.rhea, verdict="rejected", reason_code="same_person")
    assert Enrollment.objects.get(person=person).outcome == Enrollment.Outcome.REFUSED
    assert not FaceTemplate.objects.filter(person=person).exists()
    assert Capture.objects.get(person=person).storage_name == ""


def test_who_is_enrolled_with_another_model_cannot_be_ruled_out(
    hana: APIClient, enrolled: dict[str, Any], person: str, work: Work, portraits: dict[str, Portrait]
) -> None:
    PersonTemplate.objects.update(model="an older model")
    answer = hand_in(hana, person, portraits["hopper"].jpeg)
    work()
    visit = followed(hana, answer)
    assert (visit["outcome"], visit["reasons"]) == ("needs_review", ["duplicate_check_incomplete"])


def test_a_cleared_duplicate_is_still_held_against_everybody_else(
    hana: APIClient, cast: Cast, enrolled: dict[str, Any], person: str, work: Work, portraits: dict[str, Portrait]
) -> None:
    answer = hand_in(hana, person, retaken(portraits["astronaut"]))
    work()
    third = Person.objects.create(full_name="A third one")
    known = PersonTemplate.objects.get(person=enrolled["person_id"])
    sealed = bytes(known.vector_sealed)
    vector = crypto.unseal(subject=known.person_id, sealed=sealed, place=of_mean(known))
    known.pk, known.person = None, third
    known.vector_sealed = crypto.seal(subject=third.id, plaintext=vector, place=of_mean(known))
    known.save()
    case = Review.objects.get(kind="duplicate")
    decide(review_id=case.id, reviewer=cast.rhea, verdict="approved", reason_code="different_person")
    work()
    visit = followed(hana, answer)
    assert (visit["outcome"], visit["reasons"]) == ("refused", ["duplicate_person"])
