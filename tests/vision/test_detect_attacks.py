"""A missing signal is never a pass."""

from pathlib import Path

import numpy as np
import pytest

from heirloom.media.types import Image
from heirloom.vision.attack import MiniFasnet
from heirloom.vision.engine import VisionEngine
from heirloom.vision.types import AnalysisRequest, AttackOutcome, AttackSignal, Box, Face
from tests.vision.conftest import opened


def signal(engine: VisionEngine, image: Image) -> AttackSignal:
    request = AnalysisRequest(want=frozenset({"attack"}), main_face_only=True)
    [frame] = engine.analyze([image], request)
    found = frame.faces[0].attack
    assert found is not None
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
    assert MiniFasnet(tmp_path, "cpu").signal(hopper, face).why == "not_installed"


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
