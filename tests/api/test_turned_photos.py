"""Upside-down photos enroll and verify whom they show, and nobody else."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image as PillowImage
from pytest_django.fixtures import Settings as SettingsWrapper
from rest_framework.test import APIClient

from bench.pictures import jpeg
from tests.api.conftest import CONSENT
from tests.pictures import b64, retaken
from tests.portraits import Portrait

pytestmark = pytest.mark.django_db
TURNS = [90, 180, 270]


def turned(photo: bytes, degrees: int) -> bytes:
    """The photo as from a camera that was held otherwise and does not say so."""
    with PillowImage.open(BytesIO(photo)) as picture:
        return jpeg(picture.rotate(degrees, expand=True), quality=92)


def enroll(hana: APIClient, portrait: Portrait, degrees: int) -> None:
    photos = [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)]
    body = {
        "full_name": portrait.name,
        "employee_id": portrait.name,
        "images": [b64(turned(photo, degrees)) for photo in photos],
        "consent": CONSENT,
    }
    answer = hana.post("/api/v1/register-multiple/", body, format="json")
    assert answer.status_code == 201, answer.content


def outcome(client: APIClient, photo: bytes, person: str, work: Callable[[], None]) -> str:
    answer = client.post("/api/v1/verifications/", {"image_base64": b64(photo), "employee_id": person}, format="json")
    work()
    return str(client.get(answer.json()["links"]["self"]).json()["outcome"])


@pytest.mark.usefixtures("vision_process")
@pytest.mark.parametrize("degrees", TURNS)
def test_who_is_enrolled_by_turned_photos_lets_nobody_elses_turned_photo_pass(
    hana: APIClient,
    cleo: APIClient,
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    settings: SettingsWrapper,
    degrees: int,
) -> None:
    settings.ATTACK_CHECK_REQUIRED = False
    enroll(hana, portraits["astronaut"], degrees)
    assert outcome(cleo, turned(portraits["hopper"].jpeg, degrees), "astronaut", work) == "rejected"
    assert outcome(cleo, portraits["hopper"].jpeg, "astronaut", work) == "rejected"
    genuine = retaken(portraits["astronaut"], mirrored=True)
    for shown in (genuine, turned(genuine, degrees)):
        assert outcome(cleo, shown, "astronaut", work) == "approved"


@pytest.mark.usefixtures("vision_process")
@pytest.mark.parametrize("degrees", TURNS)
def test_compare_takes_no_two_strangers_for_one_because_they_lie_alike(
    cleo: APIClient, portraits: dict[str, Portrait], degrees: int
) -> None:
    one, other = (turned(portraits[name].jpeg, degrees) for name in ("astronaut", "hopper"))
    again = turned(retaken(portraits["astronaut"]), degrees)
    for second, same in ((other, False), (again, True)):
        body = {"face1_image_base64": b64(one), "face2_image_base64": b64(second)}
        answer = cleo.post("/api/v1/compare/", body, format="json")
        assert answer.status_code == 200, answer.content
        assert answer.json()["is_same_person"] is same


@pytest.mark.usefixtures("vision_process")
@pytest.mark.parametrize(("degrees", "roll"), [(90, -90), (180, 180), (270, 90)])
def test_detect_tells_how_a_face_lies_in_the_photo_that_was_sent(
    cleo: APIClient, portraits: dict[str, Portrait], degrees: int, roll: float
) -> None:
    def found(photo: bytes) -> dict[str, Any]:
        body = {"image_base64": b64(photo), "return_landmarks": True}
        (face,) = cleo.post("/api/v1/detect/", body, format="json").json()["faces"]
        return dict(face)

    portrait = portraits["hopper"]
    face = found(turned(portrait.jpeg, degrees))
    assert abs((face["quality"]["pose"]["roll"] - roll + 180) % 360 - 180) < 25
    width, height = portrait.pillow().size
    box, upright = face["bbox"], found(portrait.jpeg)["bbox"]
    middle = upright["x"] + upright["width"] / 2, upright["y"] + upright["height"] / 2
    expected = {
        90: (middle[1], width - middle[0]),
        180: (width - middle[0], height - middle[1]),
        270: (height - middle[1], middle[0]),
    }[degrees]
    assert abs(box["x"] + box["width"] / 2 - expected[0]) < 0.15 * upright["width"]
    assert abs(box["y"] + box["height"] / 2 - expected[1]) < 0.15 * upright["width"]
    xs, ys = zip(*face["landmarks"], strict=True)
    assert box["x"] - 40 < min(xs) < max(xs) < box["x"] + box["width"] + 40
    assert box["y"] - 40 < min(ys) < max(ys) < box["y"] + box["height"] + 40
