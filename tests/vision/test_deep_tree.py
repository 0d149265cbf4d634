"""A detector that can only accuse is asked only where its file is and its terms are acknowledged."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from heirloom.decision.attack import check
from heirloom.decision.attack_policy import load
from heirloom.media.types import Image
from heirloom.vision.deep_tree import WEIGHTS, DeepTree, face_chip, has_detail
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import AnalysisRequest, AttackOutcome, AttackSignal, Box, Face
from tests.vision.npm_files import pulled

REQUEST = AnalysisRequest(want=frozenset({"attack"}), main_face_only=True)
POINTS = np.array([[202, 145], [248, 145], [226, 172], [207, 197], [245, 197]], np.float32)
"""The astronaut's five points."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tree")
    pulled(made, WEIGHTS)
    return made


@pytest.fixture(scope="module")
def with_tree(folder: Path) -> Iterator[VisionEngine]:
    made = VisionEngine(VisionConfig(models_dir=folder, acknowledged=(WEIGHTS,)))
    made.load()
    yield made
    made.close()


def face() -> Face:
    return Face(Box(180, 90, 92, 125), 0.99, POINTS, turn=0)


def test_where_its_file_is_not_it_says_nothing_and_is_not_asked(engine: VisionEngine, hopper: Image) -> None:
    assert engine.status().accusers == ()
    [frame] = engine.analyze([hopper], REQUEST)
    assert [said.detector for said in frame.faces[0].attack] == ["minifasnet"]


def test_where_its_terms_are_not_acknowledged_it_is_not_here(folder: Path, astronaut: Image) -> None:
    tree = DeepTree(folder, Runtime())
    assert not tree.installed
    [said] = tree.signals([(astronaut, face())])
    assert (said.outcome, said.why) == (AttackOutcome.INCONCLUSIVE, "not_installed")


def test_it_speaks_after_the_one_that_may_vouch(with_tree: VisionEngine, astronaut: Image) -> None:
    assert with_tree.status().accusers == ("deep-tree",)
    assert not with_tree.status().attack_ready, "it is no attack check by itself"
    [frame] = with_tree.analyze([astronaut], REQUEST)
    assert [said.detector for said in frame.faces[0].attack] == ["minifasnet", "deep-tree"]


def test_whatever_it_finds_nobody_is_bona_fide_by_it(with_tree: VisionEngine, astronaut: Image) -> None:
    [frame] = with_tree.analyze([astronaut], REQUEST)
    for said in (*frame.faces[0].attack, AttackSignal("deep-tree", AttackOutcome.BONA_FIDE, 0.0)):
        found = check([said], load)
        assert (found.outcome, found.only_voucher) == (AttackOutcome.INCONCLUSIVE, "")


def test_a_face_of_little_detail_gets_no_answer(folder: Path, astronaut: Image) -> None:
    soft = Image(np.asarray(cv2.GaussianBlur(astronaut.pixels, (0, 0), 3.0), np.uint8))
    [said] = DeepTree(folder, Runtime(), (WEIGHTS,)).signals([(soft, face())])
    assert (said.outcome, said.score, said.why) == (AttackOutcome.INCONCLUSIVE, None, "too_little_detail")


def test_detail_is_what_stands_out_from_its_four_neighbours() -> None:
    chip = np.zeros((256, 256, 3), np.uint8)
    chip[8:248:4, 8:248:4] = 10
    assert not has_detail(chip), "each point stands out by 40 only"
    chip[8:248:4, 8:248:4] = 0
    chip[9:249:4, 8:248:4] = 60
    chip[7:247:4, 8:248:4] = 60
    chip[8:248:4, 7:247:4] = 60
    assert has_detail(chip), "3,600 points lie 180 below their neighbours"


def test_the_chip_is_a_square_as_high_as_the_face(astronaut: Image) -> None:
    chip = face_chip(astronaut.pixels, face())
    assert chip.shape == (256, 256, 3)
    moved = face_chip(astronaut.pixels[100:], Face(face().box, 0.99, POINTS - [0, 100], turn=0))
    assert moved.shape == (256, 256, 3), "a face over the frame's edge is seen by a square moved inside"


def test_its_score_is_that_of_the_leaf_it_came_to(folder: Path, astronaut: Image) -> None:
    tree = DeepTree(folder, Runtime(), (WEIGHTS,))
    chips = [face_chip(astronaut.pixels, face()), np.zeros((256, 256, 3), np.uint8)]
    together = tree.attack_scores(chips)
    assert np.allclose(together, [tree.attack_scores([chip])[0] for chip in chips], atol=1e-4)
    assert ((together >= 0) & (together <= 1)).all()
