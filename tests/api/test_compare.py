"""POST /compare/: do two photos show the same person?"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import codes
from tests.cast import Cast, caller
from tests.pictures import b64, landscape, retaken, side_by_side
from tests.portraits import Portrait

URL = "/api/v1/compare/"
pytestmark = pytest.mark.usefixtures("vision_process")


def compare(client: APIClient, first: bytes, second: bytes, **more: Any) -> Any:
    return client.post(
        URL, {"face1_image_base64": b64(first), "face2_image_base64": b64(second), **more}, format="json"
    )


def test_two_photos_of_one_face_are_the_same_person(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = compare(cleo, portraits["hopper"].jpeg, retaken(portraits["hopper"])).json()
    assert answer["is_same_person"] is True
    assert answer["similarity_score"] > 0.5
    assert answer["raw_score"] > answer["threshold"]
    assert answer["policy"]
    assert answer["policy_caveats"] == ["groups_unequal", "group_not_shown"]


def test_two_people_are_not_the_same(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = compare(cleo, portraits["hopper"].jpeg, portraits["astronaut"].jpeg).json()
    assert answer["is_same_person"] is False
    assert answer["similarity_score"] < 0.5


def test_a_photo_without_a_face_is_refused_and_the_field_named(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = compare(cleo, portraits["hopper"].jpeg, landscape())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["attr"] == "face2_image_base64"
    assert codes(answer) == ["no_face"]


def test_a_bystander_never_verifies(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    both = side_by_side(portraits["hopper"], portraits["astronaut"])
    answer = compare(cleo, both, portraits["astronaut"].jpeg)
    assert (answer.status_code, codes(answer)) == (422, ["several_faces"])


def test_what_is_not_an_image_is_refused(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    truncated = portraits["hopper"].jpeg[:3000]
    for bad, status, code in (
        (b"", 400, "empty_file"),
        (b"just some text", 415, "unsupported_format"),
        (b"GIF89a" + bytes(100), 415, "unsupported_format"),
        (truncated, 400, "invalid_image"),
    ):
        answer = compare(cleo, bad, portraits["hopper"].jpeg)
        assert answer.status_code == status, (bad[:10], answer.content)
        assert codes(answer) == [code]


def test_what_is_not_base64_is_refused(cleo: APIClient) -> None:
    answer = cleo.post(URL, {"face1_image_base64": "%%%", "face2_image_base64": "%%%"}, format="json")
    assert (answer.status_code, codes(answer)) == (400, ["invalid_image"])


def test_a_data_url_is_understood(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    image = "data:image/jpeg;base64," + b64(portraits["hopper"].jpeg)
    answer = cleo.post(URL, {"face1_image_base64": image, "face2_image_base64": image}, format="json")
    assert answer.json()["is_same_person"] is True


def test_an_unknown_model_is_refused_with_what_is_installed(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = compare(cleo, portraits["hopper"].jpeg, portraits["hopper"].jpeg, model_name="facebook")
    assert (answer.status_code, codes(answer)) == (400, ["model_not_available"])
    assert "dlib" in answer.json()["errors"][0]["detail"]


def test_the_path_answers_without_its_slash(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    image = b64(portraits["hopper"].jpeg)
    answer = cleo.post("/api/v1/compare", {"face1_image_base64": image, "face2_image_base64": image}, format="json")
    assert answer.status_code == 200


def test_only_who_may_compare_does(cast: Cast) -> None:
    assert caller(None).post(URL, {}, format="json").status_code == 401
    assert caller(cast.rhea).post(URL, {}, format="json").status_code == 403
    assert caller(cast.cleo).get(URL).status_code == 405
