"""The main job with other packs and with attack weights, each in a vision process of its own."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from PIL import Image as PillowImage
from PIL import ImageOps
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.jobs import vision
from tests.api.conftest import CONSENT
from tests.pictures import b64, jpeg, retaken
from tests.portraits import Portrait
from tests.processes import Processes

POLICIES = Path(__file__).parent.parent / "decision" / "policies"
Work = Callable[[], None]


def enroll(hana: APIClient, *photos: bytes) -> str:
    body = {"full_name": "X", "employee_id": "E-1", "images": [b64(photo) for photo in photos], "consent": CONSENT}
    answer = hana.post("/api/v1/register-multiple/", body, format="json")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["person_id"])


def verify(client: APIClient, work: Work, person: str, probe: bytes) -> dict[str, Any]:
    body = {"person_id": person, "image_base64": b64(probe)}
    answer = client.post("/api/v1/verifications/", body, format="json")
    work()
    return dict(client.get(answer.json()["links"]["self"]).json())


@pytest.fixture
def use(settings: Settings) -> Iterator[Callable[[Path], None]]:
    """Let this process ask another vision process."""

    def switch(socket: Path) -> None:
        settings.VISION_SOCKET = socket
        vision.beside.cache_clear()

    yield switch
    vision.beside.cache_clear()


@pytest.fixture(scope="module")
def deepface(processes: Processes) -> Iterator[Path]:
    yield processes.other_vision("vision-deepface", "deepface:Dlib", configured.MODELS_DIR)
    processes.stop("vision-deepface")


@pytest.fixture(scope="module")
def attack_weights(processes: Processes, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The built-in pack and, beside it, the MiniFASNet pair."""
    folder = tmp_path_factory.mktemp("models")
    weights = folder / "deepface-home" / ".deepface" / "weights"
    weights.mkdir(parents=True)
    for path in configured.MODELS_DIR.glob("*.onnx"):
        (folder / path.name).symlink_to(path)
    for path in (assets / "models").glob("*MiniFASNet*.onnx"):
        (weights / path.name).symlink_to(path)
    yield processes.other_vision("vision-attack", "dlib", folder)
    processes.stop("vision-attack")


def _another_take(photo: bytes) -> bytes:
    with PillowImage.open(BytesIO(photo)) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    edge = round(min(upright.size) * 0.06)
    return jpeg(upright.crop((edge, 0, upright.width, upright.height - edge)))


def test_deepface_with_the_packaged_weights_does_the_main_job(
    hana: APIClient, use: Any, deepface: Path, work: Work, portraits: dict[str, Portrait], settings: Settings
) -> None:
    use(deepface)
    settings.ATTACK_CHECK_REQUIRED = False
    astronaut = portraits["astronaut"]
    person = enroll(hana, astronaut.jpeg, retaken(astronaut), retaken(astronaut, turned=-5))
    matched = verify(hana, work, person, retaken(astronaut, mirrored=True))
    assert (matched["outcome"], matched["model"]) == ("approved", "deepface:Dlib"), matched
    assert verify(hana, work, person, portraits["hopper"].jpeg)["outcome"] == "rejected"


def test_a_live_face_that_matches_is_approved_and_a_shown_picture_is_not(
    hana: APIClient, use: Any, attack_weights: Path, work: Work, assets: Path
) -> None:
    use(attack_weights)
    live = (assets / "data" / "pad" / "image_T1.jpg").read_bytes()
    shown = (assets / "data" / "pad" / "image_F1.jpg").read_bytes()
    person = enroll(hana, live)
    approved = verify(hana, work, person, _another_take(live))
    assert (approved["outcome"], approved["reasons"]) == ("approved", []), approved
    assert approved["attack"]["outcome"] == "bona_fide"
    suspected = verify(hana, work, person, shown)
    assert suspected["outcome"] == "needs_review", suspected
    assert suspected["reasons"][0] == "presentation_attack"
    assert suspected["attack"]["score"] > 0.5
