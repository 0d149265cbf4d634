"""A missing signal is never a pass."""

from pathlib import Path

import numpy as np
import pytest

from bench.pictures import on_screen
from heirloom.decision.attack import hear
from heirloom.decision.attack_policy import load
from heirloom.media.types import Image
from heirloom.media.video import probe, sample
from heirloom.vision import deepface_home
from heirloom.vision.attack import WIDENINGS, MiniFasnet, context_chip, context_of, face_area
from heirloom.vision.engine import VisionEngine
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import AnalysisRequest, AttackOutcome, AttackSignal, Box, Face
from tests.portraits import Portrait
from tests.vision.conftest import opened


def signal(engine: VisionEngine, image: Image) -> AttackSignal:
    request = AnalysisRequest(want=frozenset({"attack"}), main_face_only=True)
    [frame] = engine.analyze([image], request)
    [found] = frame.faces[0].attack
    return found


def test_without_weights_nothing_is_said(engine: VisionEngine, hopper: Image) -> None:
    assert not engine.status().attack_ready
    assert signal(engine, hopper) == AttackSignal("minifasnet", AttackOutcome.INCONCLUSIVE, None, "not_installed")


def test_unknown_weights_are_not_run(models_dir: Path, tmp_path: Path, hopper: Image) -> None:
    folder = tmp_path / "deepface-home" / ".deepface" / "weights"
    folder.mkdir(parents=True)
    for name in ("2.7_80x80_MiniFASNetV2.onnx", "4_0_0_80x80_MiniFASNetV1SE.onnx"):
        (folder / name).write_bytes(b"not the network")
    face = Face(Box(194, 145, 165, 165), 0.9, np.zeros((5, 2), np.float32))
    [said] = MiniFasnet(tmp_path, Runtime()).signals([(hopper, face)])
    assert said.why == "not_installed"


def test_a_face_without_context_is_inconclusive(furnished: VisionEngine, hopper: Image) -> None:
    [frame] = furnished.analyze([hopper], AnalysisRequest())
    box = frame.faces[0].face.box
    left, top = round(box.x), round(box.y)
    tight = np.ascontiguousarray(
        hopper.pixels[top - 10 : top + round(box.height) + 10, left - 10 : left + round(box.width) + 10]
    )
    found = signal(furnished, Image(tight))
    assert (found.outcome, found.score, found.why) == (AttackOutcome.INCONCLUSIVE, None, "face_too_tight")


@pytest.mark.parametrize(
    ("name", "outcome"), [("T1", AttackOutcome.BONA_FIDE), ("F1", AttackOutcome.ATTACK), ("F2", AttackOutcome.ATTACK)]
)
def test_the_makers_own_examples_are_told_apart(
    furnished: VisionEngine, assets: Path, name: str, outcome: AttackOutcome
) -> None:
    assert furnished.status().attack_ready
    found = signal(furnished, opened((assets / "data" / "pad" / f"image_{name}.jpg").read_bytes()))
    assert found.outcome is outcome
    assert found.score is not None
    assert (found.score >= 0.5) is (outcome is AttackOutcome.ATTACK)


def test_a_crop_is_what_deepface_cuts_out() -> None:
    """Inside the frame, over each of its edges, and wider than it."""
    crop = deepface_home.part("deepface.models.spoofing.FasNetUtils").crop
    rng = np.random.default_rng(7)
    for _ in range(300):
        height, width = (int(side) for side in rng.integers(60, 500, 2))
        pixels = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        side = float(rng.uniform(10, min(height, width)))
        box = Box(
            float(rng.uniform(-0.2 * side, width - 0.8 * side)),
            float(rng.uniform(-0.2 * side, height - 0.8 * side)),
            side,
            float(np.clip(1.3 * side, 5, height)),
        )
        for widening in WIDENINGS.values():
            theirs = crop(pixels, (box.x, box.y, box.width, box.height), widening, 80, 80)
            np.testing.assert_array_equal(context_chip(pixels, box, widening), theirs)


def test_scores_are_those_of_deepface(furnished_models: Path, astronaut: Image, hopper: Image) -> None:
    faces = [(astronaut, Box(170.0, 70.0, 105.0, 140.0)), (hopper, Box(194.0, 145.0, 165.0, 200.0))]
    ours = MiniFasnet(furnished_models, Runtime()).attack_scores(faces)
    with deepface_home.prepare(tuple(WIDENINGS), furnished_models, "cpu"):
        theirs = deepface_home.part("deepface.models.spoofing.onnx.FasNet").Fasnet()
    for (image, box), score in zip(faces, ours, strict=True):
        is_real, certainty = theirs.analyze(image.pixels[:, :, ::-1], (box.x, box.y, box.width, box.height))
        assert is_real
        assert score == pytest.approx(1 - certainty, abs=1e-5)


def test_the_area_looked_at_does_not_depend_on_the_detector(furnished: VisionEngine, hopper: Image) -> None:
    areas = []
    for detector in ("dlib", "yunet"):
        [frame] = furnished.analyze([hopper], AnalysisRequest(detector=detector))
        areas.append(face_area(frame.faces[0].face))
    first, second = areas
    assert abs(first.x - second.x) < 0.1 * first.width
    assert abs(first.y - second.y) < 0.1 * first.height
    assert first.width == pytest.approx(second.width, rel=0.1)
    assert context_of(hopper, first) == pytest.approx(context_of(hopper, second), rel=0.1)


@pytest.mark.parametrize("name", ["signer_again", "signer_book", "signer_help", "signer_yes", "interview_1080p_h264"])
def test_live_people_before_a_camera_are_bona_fide_clip_by_clip(
    furnished: VisionEngine, assets: Path, name: str
) -> None:
    [clip] = (assets / "data" / "clips").glob(f"{name}.*")
    request = AnalysisRequest(want=frozenset({"attack"}), main_face_only=True)
    analyses = furnished.analyze(list(sample(clip, probe(clip), count=6)), request)
    frames = [signal for each in analyses if each.faces for signal in each.faces[0].attack]
    said = hear("minifasnet", frames, load("minifasnet"))
    assert said.outcome is AttackOutcome.BONA_FIDE, said


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_a_portrait_on_a_screen_is_an_attack(
    furnished: VisionEngine, portraits: dict[str, Portrait], name: str
) -> None:
    said = hear("minifasnet", [signal(furnished, opened(on_screen(portraits[name])))], load("minifasnet"))
    assert said.outcome is AttackOutcome.ATTACK, said
