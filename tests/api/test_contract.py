"""The wire contract of the computing endpoints: the names, defaults and answers that existing client apps rely on."""

from typing import Any

import pytest
from django.urls import resolve
from rest_framework.test import APIClient

from heirloom.api.document import whole

MUST = object()  # without it the request is refused
MAY = object()  # there is no value that stands for its absence
FACE = {"bbox", "confidence", "quality", "landmarks"}

# endpoint: (what is sent, with its default; what is answered)
CONTRACT: dict[str, tuple[dict[str, Any], set[str]]] = {
    "detect": (
        {
            "image_base64": MUST,
            "model_name": "auto",
            "conf_threshold": 0.5,
            "iou_threshold": 0.4,
            "max_faces": 50,
            "min_quality_threshold": 40.0,
            "return_landmarks": False,
            "use_fallback": True,
        },
        {"success", "faces_detected", "faces", "faces_below_quality", "model_used", "processing_time", "image_info"},
    ),
    "detect-upload": (
        {"file": MUST, "model_name": "auto", "conf_threshold": 0.5, "max_faces": 50},
        {
            "success",
            "faces_detected",
            "faces",
            "faces_below_quality",
            "model_used",
            "processing_time",
            "image_info",
            "filename",
        },
    ),
    "compare": (
        {"face1_image_base64": MUST, "face2_image_base64": MUST, "model_name": "auto"},
        {
            "success",
            "is_same_person",
            "similarity_score",
            "confidence",
            "raw_score",
            "threshold",
            "policy",
            "model_used",
            "processing_time",
        },
    ),
    "recognize": (
        {
            "face_image_base64": MUST,
            "gallery": MAY,
            "model_name": "auto",
            "top_k": 5,
            "similarity_threshold": 0.5,
            "processing_mode": "sync",
        },
        {
            "success",
            "matches_found",
            "matches",
            "best_match",
            "confidence_scores",
            "model_used",
            "processing_time",
        },
    ),
    "anti-spoofing": (
        {"image_base64": MUST},
        {"success", "outcome", "attack_score", "model_used", "processing_time"},
    ),
    "add-face": (
        {
            "person_name": MUST,
            "person_id": MAY,
            "face_image_base64": MUST,
            "model_name": "auto",
            "metadata": {},
            "fast_mode": False,
            "processing_mode": "sync",
            "consent": MAY,
        },
        {
            "success",
            "person_id",
            "person_name",
            "embedding_extracted",
            "model_used",
            "face_quality",
            "processing_time",
        },
    ),
    "register-multiple": (
        {
            "full_name": MUST,
            "employee_id": MUST,
            "department": MAY,
            "position": MAY,
            "model_name": "auto",
            "images": MUST,
            "metadata": {},
            "consent": MAY,
        },
        {"success", "person_id", "accepted", "images"},
    ),
}
PARTS = {
    "FaceAnswer": FACE,
    "BoxAnswer": {"x", "y", "width", "height"},
    "QualityAnswer": {"score", "sharpness", "brightness", "size", "pose"},
    "PoseAnswer": {"yaw", "pitch", "roll"},
    "ImageInfoAnswer": {"width", "height", "channels"},
    "MatchAnswer": {"person_id", "person_name", "employee_id", "similarity", "rank"},
}
VERIFICATION = {
    "id", "status", "progress", "stage", "outcome", "decision", "reasons", "similarity", "threshold", "policy",
    "attack", "candidates", "frames", "timings", "review",
}  # fmt: skip
each_endpoint = pytest.mark.parametrize("endpoint", CONTRACT)


def component(schema: dict[str, Any]) -> dict[str, Any]:
    return dict(whole()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])


def operation(endpoint: str) -> dict[str, Any]:
    return dict(whole()["paths"][f"/api/v1/{endpoint}/"]["post"])


def answered(endpoint: str) -> set[str]:
    answers = operation(endpoint)["responses"]
    done = answers.get("200") or answers["201"]
    return set(component(done["content"]["application/json"]["schema"])["properties"])


@each_endpoint
def test_requests_take_these_fields_with_these_defaults(endpoint: str) -> None:
    wanted, _ = CONTRACT[endpoint]
    (media,) = operation(endpoint)["requestBody"]["content"].values()
    taken = component(media["schema"])
    assert set(wanted) <= set(taken["properties"])
    for name, default in wanted.items():
        assert (name in taken["required"]) == (default is MUST), name
        if default is not MUST and default is not MAY and default != {}:
            assert taken["properties"][name]["default"] == default, name


@each_endpoint
def test_nothing_else_must_be_sent(endpoint: str) -> None:
    wanted, _ = CONTRACT[endpoint]
    (media,) = operation(endpoint)["requestBody"]["content"].values()
    assert set(component(media["schema"])["required"]) == {name for name, default in wanted.items() if default is MUST}


@each_endpoint
def test_answers_hold_these_fields(endpoint: str) -> None:
    _, wanted = CONTRACT[endpoint]
    assert wanted <= answered(endpoint)


@pytest.mark.parametrize("part", PARTS)
def test_parts_of_answers_hold_these_fields(part: str) -> None:
    assert PARTS[part] <= set(whole()["components"]["schemas"][part]["properties"])


def test_a_verification_tells_what_was_promised() -> None:
    assert set(whole()["components"]["schemas"]["Verification"]["properties"]) >= VERIFICATION


@each_endpoint
@pytest.mark.parametrize("slash", ["", "/"])
def test_each_answers_with_and_without_its_last_slash(endpoint: str, slash: str, db: None) -> None:
    assert resolve(f"/api/v1/{endpoint}/")
    assert APIClient().post(f"/api/v1/{endpoint}{slash}", {}, format="json").status_code == 401


def test_errors_have_one_shape() -> None:
    error = whole()["components"]["schemas"]["Error"]["properties"]
    assert set(error) == {"type", "errors"}
    assert set(error["errors"]["items"]["properties"]) == {"code", "detail", "attr"}
