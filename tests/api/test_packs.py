"""The main job with other packs and with attack weights, each in a vision process of its own."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as PillowImage
from PIL import ImageOps
from pytest_django import Settings
from rest_framework.test import APIClient

from enrollment.models import Capture
from enrollment.services.packs import activate, registry
from heirloom.jobs import packs, vision
from tests.api.conftest import CONSENT
from tests.pictures import b64, jpeg, retaken
from tests.portraits import Portrait
from tests.processes import Processes
from tests.vision.networks import answering, described, mixing
from tests.vision.test_decode_detectors import as_yolo, points_in

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
    assert (approved["outcome"], approved["reasons"]) == ("approved", ["passive_check_alone_accepted"]), approved
    assert approved["attack"]["outcome"] == "bona_fide"
    suspected = verify(hana, work, person, shown)
    assert suspected["outcome"] == "needs_review", suspected
    assert suspected["reasons"][0] == "presentation_attack"
    assert suspected["attack"]["score"] > 0.5


# --- names ---


def ask(client: APIClient, path: str, photo: bytes, name: str) -> Any:
    fields = ("face1_image_base64", "face2_image_base64") if path == "compare" else ("image_base64",)
    body = {**dict.fromkeys(fields, b64(photo)), "model_name": name}
    return client.post(f"/api/v1/{path}/", body, format="json")


def refused(answer: Any) -> str:
    """The detail of a 400 "model_not_available" about `model_name`."""
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["attr"]) == (400, "model_not_available", "model_name"), error
    return str(error["detail"])


@pytest.mark.parametrize("name", ["", "auto", "AUTO", "dlib", "facenet", "adaface", "FaceNet"])
def test_names_that_leave_it_open_mean_the_active_pack(
    cleo: APIClient, vision_process: Path, portraits: dict[str, Portrait], name: str
) -> None:
    answer = ask(cleo, "compare", portraits["hopper"].jpeg, name or "auto")
    assert (answer.status_code, answer.json()["model_used"]) == (200, "dlib-resnet-v1-avg3")
    detected = ask(cleo, "detect", portraits["hopper"].jpeg, name or "auto")
    assert (detected.status_code, detected.json()["model_used"]) == (200, "dlib")


def test_a_name_left_out_means_the_active_pack(
    cleo: APIClient, vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    photo = b64(portraits["hopper"].jpeg)
    compared = cleo.post("/api/v1/compare/", {"face1_image_base64": photo, "face2_image_base64": photo}, format="json")
    assert compared.json()["model_used"] == "dlib-resnet-v1-avg3"
    assert cleo.post("/api/v1/detect/", {"image_base64": photo}, format="json").json()["model_used"] == "dlib"


@pytest.mark.parametrize("name", ["facenet512", "arcface", "sface", "edgeface", "onnx:adaface", "nonsense"])
def test_an_absent_recogniser_is_refused_with_what_is_installed(
    cleo: APIClient, vision_process: Path, portraits: dict[str, Portrait], name: str
) -> None:
    detail = refused(ask(cleo, "compare", portraits["hopper"].jpeg, name))
    assert detail.startswith("Installed here: dlib, deepface:Dlib. ")


@pytest.mark.parametrize("name", ["yunet", "retinaface", "centerface", "yolov8n", "scrfd", "nonsense"])
def test_an_absent_detector_is_refused_with_what_is_installed(
    cleo: APIClient, vision_process: Path, portraits: dict[str, Portrait], name: str
) -> None:
    assert refused(ask(cleo, "detect", portraits["hopper"].jpeg, name)).startswith("Installed here: dlib. ")


def test_each_place_that_takes_a_name_refuses_an_absent_one(
    hana: APIClient, vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    face = b64(portraits["hopper"].jpeg)
    person = {"person_name": "X", "full_name": "X", "employee_id": "E-9", "consent": CONSENT, "model_name": "arcface"}
    refused(hana.post("/api/v1/recognize/", {"face_image_base64": face, "model_name": "arcface"}, format="json"))
    refused(hana.post("/api/v1/add-face/", {**person, "face_image_base64": face}, format="json"))
    refused(hana.post("/api/v1/register-multiple/", {**person, "images": [face]}, format="json"))
    upload = {"file": SimpleUploadedFile("face.jpg", portraits["hopper"].jpeg), "model_name": "yolov8n"}
    refused(hana.post("/api/v1/detect-upload/", upload, format="multipart"))


@pytest.fixture(scope="module")
def strict(processes: Processes, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A process in which names mean themselves, with YuNet, a described recogniser and a described detector."""
    folder = tmp_path_factory.mktemp("own")
    for path in configured.MODELS_DIR.glob("*.onnx"):
        (folder / path.name).symlink_to(path)
    (folder / "opencv-zoo").mkdir()
    yunet = "face_detection_yunet_2023mar.onnx"
    (folder / "opencv-zoo" / yunet).symlink_to(assets / "models" / yunet)
    mixing(folder / "onnx" / "adaface.onnx", 512, ["n", 3, 112, 112])
    described(folder, "adaface", contract="adaface", dimensions=512)
    boxes = np.array([(200.0, 100.0, 120.0, 150.0)])
    answering(folder / "onnx" / "yolov8n.onnx", as_yolo(boxes, points_in(boxes), np.array([0.9])), 640)
    described(folder, "yolov8n", kind="detector", head="yolo")
    yield processes.other_vision("vision-strict", "dlib", folder, "--given-model-defaults", "strict")
    processes.stop("vision-strict")


def test_installed_names_mean_themselves_and_the_answer_says_what_ran(
    cleo: APIClient, use: Any, strict: Path, portraits: dict[str, Portrait]
) -> None:
    use(strict)
    photo = portraits["hopper"].jpeg
    for name, ran in (("adaface", "onnx:adaface-"), ("onnx:adaface", "onnx:adaface-"), ("dlib", "dlib-resnet")):
        answer = ask(cleo, "compare", photo, name)
        assert answer.status_code == 200, answer.content
        assert answer.json()["model_used"].startswith(ran)
    for name in ("yolov8n", "yunet", "dlib"):
        assert ask(cleo, "detect", photo, name).json()["model_used"] == name
    assert "adaface" in refused(ask(cleo, "compare", photo, "facenet"))
    assert "yolov8n" in refused(ask(cleo, "detect", photo, "facenet"))


def test_work_done_later_uses_the_model_that_was_named(
    hana: APIClient, use: Any, strict: Path, work: Work, portraits: dict[str, Portrait]
) -> None:
    use(strict)
    face = b64(portraits["hopper"].jpeg)
    later = {"face_image_base64": face, "processing_mode": "async", "model_name": "onnx:adaface"}
    body = {"person_name": "Grace", "person_id": "emp-001", "consent": CONSENT, "fast_mode": True, **later}
    added = hana.post("/api/v1/add-face/", body, format="json")
    work()
    assert hana.get(added.json()["links"]["self"]).json()["outcome"] == "enrolled", added.content
    (template,) = hana.get("/api/v1/people/emp-001/templates/").json()
    assert template["model"].startswith("onnx:adaface-")
    another = {
        **later,
        "face_image_base64": b64(retaken(portraits["hopper"], mirrored=True)),
        "similarity_threshold": 0,
    }
    found = hana.post("/api/v1/recognize/", another, format="json")
    work()
    result = hana.get(found.json()["links"]["self"]).json()
    assert result["model"] == template["model"]
    assert [one["person_id"] for one in result["candidates"]] == ["emp-001"]
    assert result["outcome"] == "needs_review"
    assert "score_not_calibrated" in result["reasons"]


def test_an_absent_model_is_refused_before_anything_is_taken(
    hana: APIClient, vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    later = {"face_image_base64": b64(portraits["hopper"].jpeg), "processing_mode": "async", "model_name": "arcface"}
    refused(hana.post("/api/v1/recognize/", later, format="json"))
    refused(hana.post("/api/v1/add-face/", {**later, "person_name": "X", "consent": CONSENT}, format="json"))
    assert not Capture.objects.exists()


@pytest.fixture(scope="module")
def blind(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The built-in pack beside a detector that never finds anybody."""
    folder = tmp_path_factory.mktemp("blind")
    for path in configured.MODELS_DIR.glob("*.onnx"):
        (folder / path.name).symlink_to(path)
    boxes = np.array([(200.0, 100.0, 120.0, 150.0)])
    answering(folder / "onnx" / "blind.onnx", as_yolo(boxes, points_in(boxes), np.array([0.01])), 640)
    described(folder, "blind", kind="detector", head="yolo")
    yield processes.other_vision("vision-blind", "dlib", folder)
    processes.stop("vision-blind")


def test_when_the_first_detector_finds_nobody_the_next_is_tried(
    cleo: APIClient, use: Any, blind: Path, portraits: dict[str, Portrait]
) -> None:
    use(blind)
    asked = {"image_base64": b64(portraits["hopper"].jpeg), "model_name": "blind"}
    for fallback, found in ((True, (1, "dlib")), (False, (0, "blind"))):
        told = cleo.post("/api/v1/detect/", {**asked, "use_fallback": fallback}, format="json").json()
        assert (told["faces_detected"], told["model_used"]) == found


def test_an_activated_pack_answers_at_once_and_the_one_before_can_come_back(
    cleo: APIClient, vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    """The vision process was started with another pack, and is not started again."""
    photo, here = portraits["hopper"].jpeg, registry()
    ran = [ask(cleo, "compare", photo, "facenet").json()["model_used"]]
    for name in ("deepface:Dlib", "dlib"):
        activate(pack=name, registry=here)
        ran += [ask(cleo, "compare", photo, each).json()["model_used"] for each in ("auto", "facenet")]
        assert vision.vision().status().active_pack == name
    assert ran == ["dlib-resnet-v1-avg3", *["deepface:Dlib"] * 2, *["dlib-resnet-v1-avg3"] * 2]


def test_an_active_pack_that_is_missing_on_a_node_is_no_fault_of_the_caller(
    cleo: APIClient, vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    packs.set_active(pack="opencv-zoo", model="sface-2021dec")
    answer = ask(cleo, "compare", portraits["hopper"].jpeg, "auto")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "weights_missing")
    assert not vision.vision().status().ready
