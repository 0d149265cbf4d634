"""The story of a client app that was there before us: it knows no consent, no policies and no ids of ours."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Consent, Person
from heirloom.api import keys
from tests.cast import Cast, key_caller
from tests.pictures import b64, retaken
from tests.portraits import Portrait


@pytest.fixture
def turnstile(cast: Cast) -> APIClient:
    """A key of Cleo's; HR agreed with the staff, and an admin recorded that as the basis."""
    cast.cleo.scopes = ["identify", "people:write"]
    cast.cleo.consent_basis = {"policy_version": "works-agreement-7", "method": "recorded_basis"}
    cast.cleo.save()
    return key_caller(keys.create(owner=cast.cleo, name="Turnstile", actor=cast.cleo, scopes=cast.cleo.scopes).secret)


@pytest.mark.usefixtures("vision_process")
def test_it_works_unchanged(
    turnstile: APIClient, hana: APIClient, portraits: dict[str, Portrait], work: Callable[[], None]
) -> None:
    def ask(path: str, **body: Any) -> dict[str, Any]:
        answer = turnstile.post(f"/api/v1/{path}", body, format="json")
        assert answer.status_code < 300, answer.content
        return dict(answer.json())

    def photo(name: str, **retake: Any) -> str:
        return f"data:image/jpeg;base64,{b64(retaken(portraits[name], **retake))}"

    # It looks at the picture first, as it always did.
    assert ask("detect", image_base64=photo("hopper"))["faces_detected"] == 1

    # It enrolls people under its own numbers, by the models that it names by default.
    for person_id, name, model in (("emp-001", "hopper", "facenet"), ("emp-002", "astronaut", "adaface")):
        for turned in (4, -4, 0):
            told = ask(
                "add-face", person_name=name.title(), person_id=person_id, face_image_base64=photo(name, turned=turned),
                model_name=model, metadata={"badge": 17},
            )  # fmt: skip
            assert (told["person_id"], told["embedding_extracted"]) == (person_id, True)
            assert told["model_used"] == "dlib-resnet-v1-avg3"
    assert set(Consent.objects.values_list("policy_version", flat=True)) == {"works-agreement-7"}

    # Whom it sees at the gate, it asks for by the same names, with a slash or without.
    for path in ("recognize", "recognize/"):
        told = ask(path, face_image_base64=photo("hopper", mirrored=True), model_name="facenet", top_k=3)
        assert told["best_match"]["person_id"] == "emp-001"
        assert told["confidence_scores"] == sorted(told["confidence_scores"], reverse=True)
    among = {"person_ids": ["emp-002"]}
    assert ask("recognize", face_image_base64=photo("hopper"), gallery=among)["matches"] == []
    told = ask(
        "compare", face1_image_base64=photo("hopper"), face2_image_base64=photo("astronaut"), model_name="adaface"
    )
    assert told["is_same_person"] is False

    # What it has done later, it follows by the links that it is given.
    later = ask("recognize", face_image_base64=photo("hopper"), model_name="adaface", processing_mode="async")
    assert turnstile.get(later["links"]["job"]).json()["state"] == "queued"
    work()
    assert turnstile.get(later["links"]["job"]).json()["state"] == "done"
    found = turnstile.get(later["links"]["self"]).json()
    assert [one["person_id"] for one in found["candidates"]] == ["emp-001"]

    # It asks about one person by the person's number, and so does HR, who calls people as it does.
    claimed = ask("verifications", person_id="emp-002", image_base64=photo("astronaut", mirrored=True))
    work()
    result = turnstile.get(claimed["links"]["self"]).json()
    assert (result["person_id"], result["similarity"] > 0.5) == ("emp-002", True)
    assert ask("challenges", person_id="emp-002")["nonce"]
    assert [row["id"] for row in hana.get("/api/v1/verifications", {"person_id": "emp-002"}).json()["results"]]
    assert hana.get("/api/v1/people/emp-002").json()["full_name"] == "Astronaut"
    assert len(hana.get("/api/v1/people/emp-002/templates").json()) == 3
    assert hana.post("/api/v1/people/emp-002/erase").status_code == 204
    assert Person.objects.get().external_id == "emp-001"
