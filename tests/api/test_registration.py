"""POST /add-face/ and /register-multiple/: enrollment answered in the call."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Capture, Consent, Enrollment, FaceTemplate, Person
from tests.api.conftest import CONSENT, codes
from tests.cast import Cast, caller
from tests.pictures import b64, landscape, retaken, side_by_side
from tests.portraits import Portrait

pytestmark = pytest.mark.usefixtures("vision_process")


def add_face(client: APIClient, photo: bytes, **more: Any) -> Any:
    body = {"person_name": "Grace Hopper", "face_image_base64": b64(photo), "consent": CONSENT, **more}
    return client.post("/api/v1/add-face/", body, format="json")


def register(client: APIClient, *photos: bytes, **more: Any) -> Any:
    body = {
        "full_name": "Grace Hopper",
        "employee_id": "E-7",
        "images": [b64(p) for p in photos],
        "consent": CONSENT,
        **more,
    }
    return client.post("/api/v1/register-multiple/", body, format="json")


def nothing_is_written() -> bool:
    return not (
        Person.objects.exists() or Capture.objects.exists() or FaceTemplate.objects.exists() or Consent.objects.exists()
    )


def test_a_face_is_added(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = add_face(hana, portraits["hopper"].jpeg, person_id="emp-001")
    assert answer.status_code == 201, answer.content
    assert answer.json()["person_id"] == "emp-001"
    assert answer.json()["embedding_extracted"] is True
    again = add_face(hana, retaken(portraits["hopper"]), person_id="emp-001")
    assert again.status_code == 201, again.content
    assert Person.objects.get().person_templates.get().reference_count == 2


def test_several_photos_each_get_their_verdict(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = register(hana, portraits["hopper"].jpeg, landscape(), b"no picture", retaken(portraits["hopper"]))
    assert answer.status_code == 201, answer.content
    assert answer.json()["accepted"] == 2
    assert [photo["reasons"] for photo in answer.json()["images"]] == [[], ["no_face"], ["unsupported_format"], []]


@pytest.mark.parametrize(("photo", "code"), [("landscape", "no_face"), ("both", "several_faces")])
def test_from_a_bad_photo_nothing_is_written(
    hana: APIClient, portraits: dict[str, Portrait], photo: str, code: str
) -> None:
    photos = {"landscape": landscape(), "both": side_by_side(*portraits.values())}
    answer = add_face(hana, photos[photo])
    assert (answer.status_code, codes(answer)) == (422, [code])
    assert nothing_is_written()


def test_photos_of_two_people_are_no_person(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = register(hana, portraits["hopper"].jpeg, portraits["astronaut"].jpeg)
    assert (answer.status_code, codes(answer)) == (422, ["pictures_differ"])
    assert nothing_is_written()


def test_another_face_cannot_be_slipped_to_somebody(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    add_face(hana, portraits["hopper"].jpeg, person_id="emp-001")
    answer = add_face(hana, portraits["astronaut"].jpeg, person_id="emp-001")
    assert (answer.status_code, codes(answer)) == (422, ["differs_from_enrolled"])


def test_a_face_that_is_enrolled_already_waits_for_a_human(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    register(hana, portraits["hopper"].jpeg, retaken(portraits["hopper"]), retaken(portraits["hopper"], turned=-5))
    answer = add_face(hana, retaken(portraits["hopper"], mirrored=True), person_name="Somebody Else", person_id="emp-2")
    assert (answer.status_code, codes(answer)) == (409, ["duplicate_person"])
    visit = Enrollment.objects.get(person__external_id="emp-2")
    assert visit.outcome == Enrollment.Outcome.NEEDS_REVIEW
    assert not FaceTemplate.objects.filter(person__external_id="emp-2").exists()


def test_without_consent_nobody_is_enrolled(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = add_face(hana, portraits["hopper"].jpeg, consent=None)
    body = {"person_name": "G", "face_image_base64": b64(portraits["hopper"].jpeg)}
    for answer in (hana.post("/api/v1/add-face/", body, format="json"),):
        assert (answer.status_code, codes(answer)) == (422, ["consent_required"])
    assert nothing_is_written()


def test_a_recorded_basis_stands_in_for_consent(cast: Cast, portraits: dict[str, Portrait]) -> None:
    cast.cleo.scopes, cast.cleo.consent_basis = (
        ["people:write"],
        {"policy_version": "contract-1", "method": "recorded_basis"},
    )
    cast.cleo.save()
    body = {
        "person_name": "G",
        "person_id": "emp-9",
        "face_image_base64": b64(portraits["hopper"].jpeg),
        "model_name": "facenet",
    }
    answer = caller(cast.cleo).post("/api/v1/add-face/", body, format="json")
    assert answer.status_code == 201, answer.content
    assert Consent.objects.get().policy_version == "contract-1"


def test_the_same_employee_number_twice_is_refused(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    assert register(hana, portraits["hopper"].jpeg).status_code == 201
    answer = register(hana, portraits["astronaut"].jpeg)
    assert (answer.status_code, codes(answer)) == (409, ["employee_id_taken"])
    assert Person.objects.count() == 1


def test_a_client_without_the_scope_may_not_enroll(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    assert add_face(cleo, portraits["hopper"].jpeg).status_code == 403


def test_a_face_may_be_added_later(hana: APIClient, work: Callable[[], None], portraits: dict[str, Portrait]) -> None:
    answer = add_face(hana, portraits["hopper"].jpeg, person_id="emp-001", processing_mode="async")
    assert answer.status_code == 202, answer.content
    assert hana.get(answer.json()["links"]["job"]).json()["state"] == "queued"
    work()
    assert hana.get(answer.json()["links"]["self"]).json()["outcome"] == "enrolled"
