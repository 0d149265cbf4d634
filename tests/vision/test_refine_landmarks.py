"""YuNet's landmarks come from a closer looks, so they are as good in a small copy as in the whole picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from heirloom.media.types import Image
from heirloom.vision.detection import Search
from heirloom.vision.engine import VisionEngine
from heirloom.vision.packs.yunet import YuNetDetector
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import AnalysisRequest, Face
from tests.pictures import side_by_side
from tests.portraits import Portrait
from tests.vision.conftest import opened


@pytest.fixture(scope="module")
def yunet(furnished_models: Path) -> YuNetDetector:
    return YuNetDetector(Runtime(), furnished_models)


def eye_distance(face: Face) -> float:
    return float(np.linalg.norm(face.points5[1] - face.points5[0]))


@pytest.mark.parametrize("scale", [0.4, 0.7, 1.6, 4.0])
def test_the_points_do_not_depend_on_the_pictures_size(yunet: YuNetDetector, hopper: Image, scale: float) -> None:
    [whole] = yunet.detect(hopper, Search())
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    pixels = cv2.resize(hopper.pixels, None, fx=scale, fy=scale, interpolation=interpolation)
    [other] = yunet.detect(Image(np.asarray(pixels, np.uint8)), Search())
    apart = np.linalg.norm((other.points5 + 0.5) / scale - 0.5 - whole.points5, axis=1)
    assert apart.max() < 0.06 * eye_distance(whole)


def test_the_points_do_not_depend_on_the_place_in_the_picture(yunet: YuNetDetector, hopper: Image) -> None:
    [whole] = yunet.detect(hopper, Search())
    for left, top in ((37, 11), (90, 64)):
        [other] = yunet.detect(Image(np.ascontiguousarray(hopper.pixels[top:, left:])), Search())
        apart = np.linalg.norm(other.points5 + np.array([left, top]) - whole.points5, axis=1)
        assert apart.max() < 0.06 * eye_distance(whole)


def test_the_eyes_are_where_the_built_in_pack_sees_them(
    yunet: YuNetDetector, engine: VisionEngine, hopper: Image
) -> None:
    [face] = yunet.detect(hopper, Search())
    [frame] = engine.analyze([hopper], AnalysisRequest())
    apart = np.linalg.norm(face.points5 - frame.faces[0].face.points5, axis=1)
    assert apart[:2].max() < 0.12 * eye_distance(face)


def test_each_of_two_people_keeps_the_own_points(yunet: YuNetDetector, portraits: dict[str, Portrait]) -> None:
    first, second = yunet.detect(opened(side_by_side(portraits["astronaut"], portraits["hopper"])), Search())
    for face in (first, second):
        middle = face.points5.mean(axis=0)
        assert face.box.x < middle[0] < face.box.x + face.box.width
        assert face.box.y < middle[1] < face.box.y + face.box.height
    assert abs(first.box.x - second.box.x) > max(first.box.width, second.box.width)


def test_a_face_cut_off_at_the_edge_is_still_looked_at(yunet: YuNetDetector, hopper: Image) -> None:
    [whole] = yunet.detect(hopper, Search())
    left = round(whole.box.x + 0.1 * whole.box.width)
    [cut] = yunet.detect(Image(np.ascontiguousarray(hopper.pixels[:, left:])), Search())
    apart = np.linalg.norm(cut.points5 + np.array([left, 0]) - whole.points5, axis=1)
    assert apart.max() < 0.15 * eye_distance(whole)
