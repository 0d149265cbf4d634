"""/verifications/: a probe goes in, an outcome comes out."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings as SettingsWrapper
from rest_framework.test import APIClient

from heirloom.audit.models import Action, AuditEvent
from heirloom.reviews.models import Review
from tests.api.conftest import codes, unknown_id
from tests.cast import Cast, caller
from tests.pictures import b64, clip, landscape, retaken, side_by_side
from tests.portraits import Portrait
from verification.models import Verification

URL = "/api/v1/verifications/"
Work = Callable[[], None]


def submit(client: APIClient, probe: bytes, **claim: Any) -> str:
    answer = client.post(URL, {"image_base64": b64(probe), **claim}, format="json")
    assert answer.status_code == 202, answer.content
    assert answer.json()["status"] == "queued"
    return str(answer.json()["links"]["self"])


def test_without_an_attack_check_a_match_waits_for_a_reviewer(
    cleo: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> None:
    link = submit(cleo, retaken(portraits["astronaut"], mirrored=True), person_id=enrolled["person_id"])
    work()
    result = cleo.get(link).json()
    assert (result["status"], result["outcome"], result["decision"]) == ("done", "needs_review", "pending")
    assert result["reasons"] == ["attack_check_inconclusive"]
    assert (result["similarity"], result["threshold"] is None) == (0.9, False)


def test_an_owner_may_waive_the_attack_check_and_the_record_says_so(
    cleo: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait], settings: SettingsWrapper
) -> None:
    settings.ATTACK_CHECK_REQUIRED = False
    link = submit(cleo, retaken(portraits["astronaut"], mirrored=True), employee_id="E-1")
    work()
    result = cleo.get(link).json()
    assert (result["outcome"], result["decision"]) == ("approved", "approved")
    assert result["reasons"] == ["attack_check_waived"]


def test_an_impostor_is_rejected(
    cast: Cast, cleo: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> None:
    link = submit(cleo, portraits["hopper"].jpeg, person_id=enrolled["person_id"])
    work()
    result = cleo.get(link).json()
    assert (result["outcome"], result["decision"]) == ("rejected", "rejected")
    assert result["reasons"][0] == "no_match"
    assert (result["similarity"], result["confidence"], result["threshold"]) == (None, None, None)
    (row,) = Verification.objects.all()
    seen = caller(cast.hana).get(link).json()
    assert row.similarity is not None
    assert seen["similarity"] == round(row.similarity, 2) < 0.5


def test_the_numbers_as_measured_need_a_scope_that_no_role_brings(
    cast: Cast, cleo: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> None:
    link = submit(cleo, portraits["hopper"].jpeg, person_id=enrolled["person_id"])
    work()
    row = Verification.objects.get()
    assert row.similarity is not None
    for who in (cast.hana, cast.ada, cast.rhea):
        seen = caller(who).get(link).json()
        assert seen["similarity"] == round(row.similarity, 2) != row.similarity
        assert [frame["similarity"] for frame in seen["frames"]] == [round(row.similarity, 2)]
    cast.cleo.scopes = ["evidence:read"]
    cast.cleo.save()
    fine = cleo.get(link).json()
    assert (fine["similarity"], fine["confidence"], fine["threshold"]) == (
        row.similarity,
        row.confidence,
        row.threshold,
    )


def test_the_record_says_whom_the_policy_that_decided_may_fail(
    cast: Cast, cleo: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> None:
    link = submit(cleo, portraits["hopper"].jpeg, person_id=enrolled["person_id"])
    assert cleo.get(link).json()["policy_caveats"] == []
    work()
    told = ["groups_unequal", "group_not_shown"]
    assert Verification.objects.get().policy_caveats == told
    for who in (cleo, caller(cast.rhea)):
        assert who.get(link).json()["policy_caveats"] == told


def test_a_clip_is_verified_by_its_good_frames(
    cleo: APIClient,
    enrolled: dict[str, Any],
    work: Work,
    portraits: dict[str, Portrait],
    tmp_path: Path,
    settings: SettingsWrapper,
) -> None:
    settings.ATTACK_CHECK_REQUIRED = False
    with clip(portraits["astronaut"], tmp_path).open("rb") as file:
        answer = cleo.post(URL, {"person_id": enrolled["person_id"], "file": file}, format="multipart")
    work()
    result = cleo.get(answer.json()["links"]["self"]).json()
    assert result["outcome"] == "approved", result
    assert Verification.objects.get(pk=answer.json()["id"]).frame_count > 1


def test_a_probe_is_found_among_everybody(
    hana: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait], settings: SettingsWrapper
) -> None:
    settings.ATTACK_CHECK_REQUIRED = False
    link = submit(hana, retaken(portraits["astronaut"], mirrored=True))
    work()
    result = hana.get(link).json()
    assert result["mode"] == "identification"
    assert result["candidates"][0]["person_id"] == enrolled["person_id"]


def test_a_client_may_not_search_everybody(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = cleo.post(URL, {"image_base64": b64(portraits["hopper"].jpeg)}, format="json")
    assert (answer.status_code, codes(answer)) == (403, ["permission_denied"])


@pytest.mark.parametrize(
    ("picture", "code"), [("landscape", "no_face"), ("both", "several_faces"), ("truncated", "invalid_image")]
)
def test_a_probe_that_cannot_be_compared_fails_with_its_code(
    cleo: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait], picture: str, code: str
) -> None:
    probes = {
        "landscape": landscape(),
        "both": side_by_side(portraits["hopper"], portraits["astronaut"]),
        "truncated": portraits["hopper"].jpeg[:5000],
    }
    link = submit(cleo, probes[picture], person_id=enrolled["person_id"])
    work()
    result = cleo.get(link).json()
    assert (result["outcome"], result["decision"], result["reasons"]) == ("failed", "rejected", [code])


def test_what_is_neither_photo_nor_clip_is_refused_at_the_door(cleo: APIClient, enrolled: dict[str, Any]) -> None:
    answer = cleo.post(
        URL, {"image_base64": b64(b"#EXTM3U\nhttp://127.0.0.1/x.ts"), "person_id": enrolled["person_id"]}, format="json"
    )
    assert (answer.status_code, codes(answer)) == (415, ["unsupported_format"])
    assert not Verification.objects.exists()


def test_an_empty_file_is_refused_at_the_door(cleo: APIClient, enrolled: dict[str, Any]) -> None:
    file = BytesIO(b"")
    file.name = "photo.jpg"
    answer = cleo.post(URL, {"file": file, "person_id": enrolled["person_id"]}, format="multipart")
    assert (answer.status_code, codes(answer)) == (400, ["empty_file"])


def test_a_suspended_person_is_neither_verified_nor_found(
    cleo: APIClient, hana: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> None:
    hana.patch(f"/api/v1/people/{enrolled['person_id']}/", {"status": "suspended"}, format="json")
    photo = b64(portraits["astronaut"].jpeg)
    answer = hana.post(URL, {"image_base64": photo, "person_id": enrolled["person_id"]}, format="json")
    assert (answer.status_code, codes(answer)) == (409, ["person_suspended"])
    link = submit(cleo, retaken(portraits["astronaut"], mirrored=True), person_id=enrolled["person_id"])
    work()
    assert cleo.get(link).json()["outcome"] == "rejected", "a client app is not told why"
    assert Verification.objects.get().similarity is None, "the face was not even compared"
    assert hana.post("/api/v1/recognize/", {"face_image_base64": photo}, format="json").json()["matches"] == []


def test_staff_are_told_of_an_id_that_is_nobodys(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = hana.post(URL, {"image_base64": b64(portraits["hopper"].jpeg), "person_id": unknown_id()}, format="json")
    assert (answer.status_code, codes(answer)) == (404, ["not_found"])


def test_another_clients_verification_is_not_there(
    cast: Cast, cleo: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait]
) -> None:
    link = submit(cleo, portraits["hopper"].jpeg, person_id=enrolled["person_id"])
    assert caller(cast.carl).get(link).status_code == 404
    assert caller(cast.carl).get(URL).json()["results"] == []
    assert caller(None).get(link).status_code == 401


def test_scores_and_frames_of_the_attack_check_need_a_scope(
    cast: Cast, cleo: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> None:
    link = submit(cleo, retaken(portraits["astronaut"]), person_id=enrolled["person_id"])
    work()
    assert cleo.get(link).json()["frames"] == []
    assert cleo.get(f"{link}frames/0/").status_code == 404
    cast.cleo.scopes = ["evidence:read"]
    cast.cleo.save()
    frame = cleo.get(link).json()["frames"][0]
    shown = cleo.get(frame["link"])
    assert shown["Content-Type"] == "image/jpeg"
    assert shown["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(action=Action.EVIDENCE_VIEWED).count() == 1


def test_a_reviewer_decides_once_and_for_all(
    cast: Cast, rhea: APIClient, cleo: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> None:
    link = submit(cleo, retaken(portraits["astronaut"]), person_id=enrolled["person_id"])
    work()
    case = rhea.get("/api/v1/reviews/").json()["results"][0]
    verdict = {"verdict": "approved", "reason": "identity_checked_in_person"}
    assert rhea.post(f"/api/v1/reviews/{case['id']}/claim/").status_code == 200
    assert caller(cast.ada).post(f"/api/v1/reviews/{case['id']}/verdict/", verdict, format="json").status_code == 409
    assert rhea.post(f"/api/v1/reviews/{case['id']}/verdict/", verdict, format="json").status_code == 200
    result = cleo.get(link).json()
    assert (result["outcome"], result["decision"]) == ("needs_review", "approved")
    assert result["review"]["reason"] == "identity_checked_in_person"
    again = rhea.post(
        f"/api/v1/reviews/{case['id']}/verdict/",
        {"verdict": "rejected", "reason": "other", "comment": "x"},
        format="json",
    )
    assert (again.status_code, codes(again)) == (409, ["already_decided"])
    assert Review.objects.get(pk=case["id"]).verdict == "approved"


def test_a_list_costs_the_same_queries_however_long(
    hana: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait], django_assert_num_queries: Any
) -> None:
    submit(hana, portraits["hopper"].jpeg, person_id=enrolled["person_id"])
    hana.get(URL)
    with django_assert_num_queries(4):
        hana.get(URL)
    for _ in range(3):
        submit(hana, portraits["hopper"].jpeg, person_id=enrolled["person_id"])
    with django_assert_num_queries(4):
        hana.get(URL)


def test_a_list_leaves_frames_to_the_address_of_each(
    hana: APIClient, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> None:
    link = submit(hana, retaken(portraits["astronaut"]), person_id=enrolled["person_id"])
    work()
    (row,) = hana.get(URL).json()["results"]
    assert row["outcome"] == "needs_review"
    assert "frames" not in row
    assert len(hana.get(link).json()["frames"]) == 1
