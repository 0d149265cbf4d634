"""A name means one installed pack, or is refused with the list of those that are."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision.alignment import ARCFACE_POINTS, arcface_chip
from heirloom.vision.comparison import compare
from heirloom.vision.contracts import contracts
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.types import AnalysisRequest, Template
from tests.pictures import retaken
from tests.portraits import Portrait
from tests.vision.conftest import opened


def template(engine: VisionEngine, image: Image, pack: str, detector: str = "") -> Template:
    request = AnalysisRequest(pack=pack, detector=detector, want=frozenset({"template"}), main_face_only=True)
    [frame] = engine.analyze([image], request)
    made = frame.faces[0].template
    assert made is not None
    return made


def test_the_active_pack_answers_to_no_name(engine: VisionEngine) -> None:
    for name in ("", "auto", "AUTO", "dlib"):
        assert engine.resolve(name).name == "dlib"


def test_given_defaults_mean_the_active_pack(engine: VisionEngine) -> None:
    assert engine.resolve("facenet").name == "dlib"
    assert engine.resolve("adaface").name == "dlib"


def test_given_defaults_mean_themselves_when_set_so(models_dir: Path) -> None:
    strict = VisionEngine(VisionConfig(models_dir=models_dir, given_model_defaults="strict"))
    with pytest.raises(Refusal):
        strict.resolve("facenet")


@pytest.mark.parametrize("name", ["arcface", "facenet512", "sface", "nonsense", "onnx:nonsense", "deepface:VGG-Face"])
def test_a_pack_not_installed_is_refused_with_those_that_are(engine: VisionEngine, name: str) -> None:
    with pytest.raises(Refusal, match="dlib, deepface:Dlib") as refusal:
        engine.resolve(name)
    assert refusal.value.code == "model_not_available"


@pytest.mark.parametrize("name", ["yunet", "retinaface", "yolov8n", "nonsense"])
def test_a_detector_not_installed_is_refused(engine: VisionEngine, hopper: Image, name: str) -> None:
    with pytest.raises(Refusal, match="dlib") as refusal:
        engine.analyze([hopper], AnalysisRequest(detector=name))
    assert refusal.value.code == "model_not_available"


def test_an_engine_refuses_until_it_is_loaded(models_dir: Path, hopper: Image) -> None:
    fresh = VisionEngine(VisionConfig(models_dir=models_dir))
    assert not fresh.status().ready
    with pytest.raises(Refusal) as refusal:
        fresh.analyze([hopper], AnalysisRequest())
    assert refusal.value.code == "model_not_ready"


def test_a_pack_that_is_not_there_cannot_be_the_active_one(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        VisionEngine(VisionConfig(models_dir=tmp_path, pack="opencv-zoo")).load()
    assert refusal.value.code == "weights_missing"


def test_a_missing_gpu_is_told_once_and_the_cpu_answers(
    models_dir: Path, hopper: Image, caplog: pytest.LogCaptureFixture
) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU here")
    engine = VisionEngine(VisionConfig(models_dir=models_dir, device="cuda"))
    engine.load()
    assert template(engine, hopper, "dlib").model
    status = engine.status()
    assert (status.device_wanted, status.device) == ("cuda", "cpu")
    assert [record.levelname for record in caplog.records if "CUDA was asked for" in record.message] == ["WARNING"]
    engine.close()


def test_deepface_runs_on_the_packaged_weights(
    engine: VisionEngine, models_dir: Path, portraits: dict[str, Portrait]
) -> None:
    """DeepFace downloads what it does not find: after the run its folder holds the one link that was put there."""
    hopper, astronaut = Image(portraits["hopper"].pixels), Image(portraits["astronaut"].pixels)
    pack = "deepface:Dlib"
    first, other = template(engine, hopper, pack), template(engine, astronaut, pack)
    assert first.model == pack
    assert compare(first, template(engine, opened(retaken(portraits["hopper"])), pack)) > compare(first, other) + 0.03
    [link] = (models_dir / "deepface-home" / ".deepface" / "weights").iterdir()
    assert link.is_symlink()


def test_an_arcface_style_file_runs_from_its_description(
    furnished: VisionEngine, portraits: dict[str, Portrait]
) -> None:
    hopper, astronaut = Image(portraits["hopper"].pixels), Image(portraits["astronaut"].pixels)
    info = furnished.resolve("mobilefacenet")
    assert (info.name, info.detector, info.dimensions) == ("onnx:mobilefacenet", "yunet", 128)
    first, other = template(furnished, hopper, info.name), template(furnished, astronaut, info.name)
    assert first.model == info.model
    assert compare(first, template(furnished, opened(retaken(portraits["hopper"])), info.name)) > 0.6
    assert compare(first, other) < 0.3


def test_yunet_serves_other_packs_too(furnished: VisionEngine, hopper: Image, astronaut: Image) -> None:
    assert furnished.status().detectors == ("dlib", "yunet")
    own, other = template(furnished, hopper, "dlib"), template(furnished, hopper, "dlib", "yunet")
    assert compare(own, other) > 0.97


def test_sface_chips_are_those_of_opencv(assets: Path, furnished: VisionEngine, hopper: Image) -> None:
    """OpenCV's own aligner is the reference; any network opens the class that holds it."""
    network = str(assets / "models" / "MobileFaceNet.onnx")
    aligner = cv2.FaceRecognizerSF.create(network, "")
    [frame] = furnished.analyze([hopper], AnalysisRequest(detector="yunet"))
    face = frame.faces[0].face
    row = np.concatenate([[face.box.x, face.box.y, face.box.width, face.box.height], face.points5.ravel(), [1.0]])
    theirs = aligner.alignCrop(hopper.pixels, row.astype(np.float32)[None])
    ours = contracts()["sface"].chip(hopper, face)
    assert np.abs(ours.astype(int) - theirs.astype(int)).mean() < 1.5


def test_alignment_brings_the_points_to_their_places() -> None:
    pixels = np.zeros((200, 200, 3), np.uint8)
    points = ARCFACE_POINTS * 1.2 + 30
    for x, y in points:
        cv2.circle(pixels, (round(float(x)), round(float(y))), 3, (255, 255, 255), -1)
    chip = arcface_chip(pixels, points)
    assert all(chip[round(float(y)), round(float(x))].max() > 128 for x, y in ARCFACE_POINTS)
