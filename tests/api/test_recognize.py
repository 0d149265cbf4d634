"""POST /recognize/: who of the gallery is this?"""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import codes
from tests.cast import Cast, caller
from tests.pictures import b64, retaken
from tests.portraits import Portrait

URL = "/api/v1/recognize/"


def recognize(client: APIClient, photo: bytes, **more: Any) -> Any:
    return client.post(URL, {"face_image_base64": b64(photo), **more}, format="json")


def test_an_enrolled_face_is_named(hana: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait]) -> None:
    answer = recognize(hana, retaken(portraits["astronaut"], mirrored=True)).json()
    assert answer["matches_found"] == 1
    best = answer["best_match"]
    assert (best["person_id"], best["employee_id"], best["rank"]) == (enrolled["person_id"], "E-1", 1)
    assert best["similarity"] > 0.5
    assert len(answer["confidence_scores"]) == 1


def test_a_stranger_is_nobody(hana: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait]) -> None:
    answer = recognize(hana, portraits["hopper"].jpeg).json()
    assert (answer["matches_found"], answer["matches"], answer["best_match"]) == (0, [], None)


@pytest.mark.usefixtures("vision_process")
def test_an_empty_gallery_holds_nobody(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    assert recognize(hana, portraits["hopper"].jpeg).json()["matches_found"] == 0


def test_a_gallery_narrows_the_search(
    hana: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait]
) -> None:
    photo = retaken(portraits["astronaut"])
    assert recognize(hana, photo, gallery={"person_ids": [enrolled["person_id"]]}).json()["matches_found"] == 1
    assert recognize(hana, photo, gallery={"department": "Elsewhere"}).json()["matches_found"] == 0


@pytest.mark.usefixtures("vision_process")
@pytest.mark.parametrize(
    "gallery",
    [
        "everybody",
        ["x"],
        {"names": ["x"]},
        {"person_ids": "x"},
        {"department": 3},
        {},
        {"person_ids": [3]},
        {"person_ids": ["x"] * 1001},
    ],
)
def test_another_shape_of_gallery_is_refused(hana: APIClient, portraits: dict[str, Portrait], gallery: Any) -> None:
    answer = recognize(hana, portraits["hopper"].jpeg, gallery=gallery)
    assert (answer.status_code, codes(answer)) == (400, ["invalid_gallery"])


def test_a_search_may_be_answered_later(
    hana: APIClient, enrolled: dict[str, Any], work: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    answer = recognize(hana, retaken(portraits["astronaut"]), processing_mode="async")
    assert answer.status_code == 202
    work()
    result = hana.get(answer.json()["links"]["self"]).json()
    assert result["candidates"][0]["person_id"] == enrolled["person_id"]


def test_a_search_done_later_is_narrowed_like_one_done_now(
    hana: APIClient, enrolled: dict[str, Any], work: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    photo, person = retaken(portraits["astronaut"]), enrolled["person_id"]

    def later(**asked: Any) -> list[str]:
        answer = recognize(hana, photo, processing_mode="async", **asked)
        assert answer.status_code == 202, answer.content
        assert hana.get(answer.json()["links"]["job"]).json()["state"] == "queued"
        work()
        return [one["person_id"] for one in hana.get(answer.json()["links"]["self"]).json()["candidates"]]

    assert later(gallery={"person_ids": [person]}) == [person]
    assert later(gallery={"person_ids": []}) == later(gallery={"department": "Elsewhere"}) == []
    assert later(similarity_threshold=1) == []


def test_a_verification_of_nobody_in_particular_may_be_narrowed(
    hana: APIClient, enrolled: dict[str, Any], work: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    url, photo = "/api/v1/verifications/", b64(retaken(portraits["astronaut"]))
    for gallery, found in (({"department": "Elsewhere"}, 0), ({"person_ids": [enrolled["person_id"]]}, 1)):
        answer = hana.post(url, {"image_base64": photo, "gallery": gallery}, format="json")
        work()
        assert len(hana.get(answer.json()["links"]["self"]).json()["candidates"]) == found
    claimed = {"image_base64": photo, "gallery": {"department": "x"}, "employee_id": "E-1"}
    answer = hana.post(url, claimed, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "gallery")


def test_whoever_joins_a_department_before_the_search_is_found(
    hana: APIClient, enrolled: dict[str, Any], work: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    answer = recognize(hana, retaken(portraits["astronaut"]), processing_mode="async", gallery={"department": "Flight"})
    hana.patch(f"/api/v1/people/{enrolled['person_id']}/", {"department": "Flight"}, format="json")
    work()
    assert len(hana.get(answer.json()["links"]["self"]).json()["candidates"]) == 1


@pytest.mark.parametrize("scopes", [["identify"], ["identify", "evidence:read"]])
def test_no_threshold_names_to_a_client_who_is_not_found(
    cast: Cast,
    hana: APIClient,
    enrolled: dict[str, Any],
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    scopes: list[str],
) -> None:
    """The list of the staff, one photo of a stranger and a threshold of 0 away."""
    cast.cleo.scopes = scopes
    cast.cleo.save()
    cleo, stranger = caller(cast.cleo), portraits["hopper"].jpeg
    now = recognize(cleo, stranger, similarity_threshold=0, top_k=50).json()
    assert (now["matches_found"], now["matches"], now["best_match"], now["confidence_scores"]) == (0, [], None, [])
    later = recognize(cleo, stranger, similarity_threshold=0, processing_mode="async")
    search = cleo.post("/api/v1/verifications/", {"image_base64": b64(stranger)}, format="json")
    work()
    for answer in (later, search):
        assert cleo.get(answer.json()["links"]["self"]).json()["candidates"] == []
    assert len(recognize(hana, stranger, similarity_threshold=0).json()["matches"]) == 1, "staff look at who is near"


def test_a_client_is_told_of_a_match_in_steps(
    cast: Cast, hana: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait]
) -> None:
    cast.cleo.scopes = ["identify"]
    cast.cleo.save()
    photo = retaken(portraits["astronaut"], mirrored=True)
    answer = recognize(caller(cast.cleo), photo).json()
    assert answer["best_match"]["similarity"] in {0.5, 0.9}
    assert answer["confidence_scores"] in ([0.5], [0.9])
    seen = recognize(hana, photo).json()
    assert seen["best_match"]["similarity"] == round(seen["best_match"]["similarity"], 2)


def test_a_client_needs_the_scope(cast: Cast, portraits: dict[str, Portrait]) -> None:
    assert recognize(caller(cast.cleo), portraits["hopper"].jpeg).status_code == 403
    assert recognize(caller(cast.rhea), portraits["hopper"].jpeg).status_code == 403
    assert recognize(caller(None), portraits["hopper"].jpeg).status_code == 401
