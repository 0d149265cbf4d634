"""Faces are found, in order, at a bounded cost."""

import time

import cv2
import numpy as np
import pytest

from heirloom.media.types import Image
from heirloom.vision.detection import Search, working_copy
from heirloom.vision.engine import VisionEngine
from heirloom.vision.types import AnalysisRequest, Face
from tests.pictures import landscape, side_by_side
from tests.portraits import Portrait
from tests.vision.conftest import opened


def faces(engine: VisionEngine, image: Image, request: AnalysisRequest | None = None) -> list[Face]:
    [frame] = engine.analyze([image], request or AnalysisRequest())
    return [observation.face for observation in frame.faces]


def test_both_portraits_hold_one_face(engine: VisionEngine, astronaut: Image, hopper: Image) -> None:
    for image in (astronaut, hopper):
        [face] = faces(engine, image)
        assert face.confidence > 0.9
        assert face.points68 is not None
        assert face.points68.shape == (68, 2)


def test_points_are_as_seen_in_the_image(engine: VisionEngine, hopper: Image) -> None:
    [face] = faces(engine, hopper)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.points5
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert left_eye[1] < nose[1] < left_mouth[1]


def test_two_people_come_largest_first(engine: VisionEngine, portraits: dict[str, Portrait]) -> None:
    both = faces(engine, opened(side_by_side(portraits["astronaut"], portraits["hopper"])))
    assert len(both) == 2
    assert both[0].box.width > both[1].box.width


def test_no_more_faces_than_asked_for(engine: VisionEngine, portraits: dict[str, Portrait]) -> None:
    both = opened(side_by_side(portraits["astronaut"], portraits["hopper"]))
    assert len(faces(engine, both, AnalysisRequest(max_faces=1))) == 1


def test_a_picture_of_nobody_holds_no_face(engine: VisionEngine) -> None:
    assert faces(engine, opened(landscape())) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (40, 40)])
def test_a_tiny_picture_is_no_trouble(engine: VisionEngine, size: tuple[int, int]) -> None:
    assert faces(engine, Image(np.zeros((*size, 3), np.uint8))) == []


def test_a_higher_confidence_finds_less(engine: VisionEngine, hopper: Image) -> None:
    assert faces(engine, hopper, AnalysisRequest(min_confidence=0.999)) == []


def test_a_second_look_finds_a_smaller_face(engine: VisionEngine, hopper: Image) -> None:
    small = cv2.resize(hopper.pixels, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    assert faces(engine, Image(small), AnalysisRequest(use_fallback=False)) == []
    assert len(faces(engine, Image(small), AnalysisRequest(use_fallback=True))) == 1


def test_smaller_faces_are_found_when_asked_for(engine: VisionEngine, hopper: Image) -> None:
    small = cv2.resize(hopper.pixels, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    assert len(faces(engine, Image(small), AnalysisRequest(min_face_px=40, use_fallback=False))) == 1


def test_a_scaled_copy_finds_the_same_face(engine: VisionEngine, hopper: Image) -> None:
    half = cv2.resize(hopper.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    [whole], [halved] = faces(engine, hopper), faces(engine, Image(half, scale=0.5))
    assert halved.box.x * 2 == pytest.approx(whole.box.x, abs=0.15 * whole.box.width)
    assert halved.box.width * 2 == pytest.approx(whole.box.width, rel=0.25)


def test_the_working_copy_is_bounded() -> None:
    pixels, factor = working_copy(Image(np.zeros((3000, 4000, 3), np.uint8)), Search(), 80)
    assert pixels.shape == (480, 640, 3)
    assert factor == pytest.approx(0.16)


def test_twelve_megapixels_cost_little_more(engine: VisionEngine, hopper: Image) -> None:
    large = Image(cv2.resize(hopper.pixels, (3000, 4000), interpolation=cv2.INTER_CUBIC))
    medium = Image(cv2.resize(hopper.pixels, (750, 1000), interpolation=cv2.INTER_AREA))
    request = AnalysisRequest(want=frozenset({"template"}))
    seconds = {}
    for image in (medium, large):
        runs = []
        for _ in range(3):
            started = time.perf_counter()
            assert len(engine.analyze([image], request)[0].faces) == 1
            runs.append(time.perf_counter() - started)
        seconds[image.width] = min(runs)
    assert seconds[3000] < 2.5 * seconds[750]
