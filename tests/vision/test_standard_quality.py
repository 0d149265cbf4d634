"""The components of ISO/IEC 29794-5 fall when a picture is made worse in their way, and are None where nothing is."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from heirloom.media.types import Image
from heirloom.vision.engine import VisionEngine
from heirloom.vision.standard_quality import ALIKE, FORMULA, NAMES, components, sigmoid
from heirloom.vision.types import AnalysisRequest, Face

Worse = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def face(engine: VisionEngine, hopper: Image) -> Face:
    [frame] = engine.analyze([hopper], AnalysisRequest())
    return frame.faces[0].face


def test_every_component_is_named_once_and_on_the_scale(hopper: Image, face: Face) -> None:
    found = components(hopper, face)
    assert tuple(sorted(found)) == tuple(sorted(NAMES)) == tuple(sorted({*FORMULA, *ALIKE}))
    assert all(score is not None and 0 <= score <= 100 for score in found.values())


def test_a_good_portrait_scores_well(hopper: Image, face: Face) -> None:
    for name in ("eyes_open", "mouth_closed", "head_pose_yaw", "under_exposure_prevention", "dynamic_range"):
        assert score(hopper, face, name) >= 80, name


def half_dark(pixels: np.ndarray) -> np.ndarray:
    made = pixels.copy()
    made[:, : pixels.shape[1] // 2] //= 4
    return made


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("luminance_mean", lambda pixels: pixels // 4),
        ("under_exposure_prevention", lambda pixels: pixels // 10),
        ("over_exposure_prevention", lambda pixels: np.clip(pixels.astype(int) * 4, 0, 255).astype(np.uint8)),
        ("dynamic_range", lambda pixels: (pixels // 16 + 100).astype(np.uint8)),
        ("luminance_variance", lambda pixels: (pixels // 16 + 100).astype(np.uint8)),
        ("illumination_uniformity", half_dark),
        ("natural_colour", lambda pixels: np.ascontiguousarray(pixels[..., ::-1])),
    ],
)
def test_each_falls_with_what_it_is_named_for(hopper: Image, face: Face, name: str, worse: Worse) -> None:
    before, after = (components(image, face)[name] for image in (hopper, Image(worse(hopper.pixels))))
    assert before is not None
    assert after is not None
    assert after < before - 10


def test_a_restless_background_is_less_even(hopper: Image, face: Face) -> None:
    noise = np.random.default_rng(0).integers(0, 255, hopper.pixels.shape).astype(np.uint8)
    hull = np.zeros(hopper.pixels.shape[:2], np.uint8)
    assert face.points68 is not None
    cv2.fillConvexPoly(hull, cv2.convexHull(face.points68.astype(np.int32)), 1)
    plain, restless = (
        components(Image(np.where(hull[..., None] > 0, hopper.pixels, around).astype(np.uint8)), face)
        for around in (np.full_like(hopper.pixels, 128), noise)
    )
    assert plain["background_uniformity"] is not None
    assert restless["background_uniformity"] is not None
    assert restless["background_uniformity"] < plain["background_uniformity"]


def score(image: Image, face: Face, name: str) -> float:
    """One component, which must be there: what is absent is neither low nor high."""
    found = components(image, face)[name]
    assert found is not None, name
    return found


def moved(face: Face, pairs: tuple[tuple[int, int], ...], share: float) -> Face:
    """The second landmark of each pair drawn to, or away from, the first."""
    assert face.points68 is not None
    points = face.points68.copy()
    for fixed, free in pairs:
        points[free] = points[fixed] + (points[free] - points[fixed]) * share
    return replace(face, points68=points)


def test_shut_eyes_and_an_open_mouth_are_told(hopper: Image, face: Face) -> None:
    shut = moved(face, ((37, 41), (38, 40)), 0.0)
    assert score(hopper, shut, "eyes_open") < 40
    assert face.points68 is not None
    points = face.points68.copy()
    points[65:68] += (0.0, 40.0)
    assert score(hopper, replace(face, points68=points), "mouth_closed") < 60


def test_a_crop_is_told_on_its_side(hopper: Image, face: Face) -> None:
    left = int(face.points5[0, 0])
    cut = Image(np.ascontiguousarray(hopper.pixels[:, left:]))
    assert face.points68 is not None
    there = replace(face, points5=face.points5 - (left, 0), points68=face.points68 - np.float32((left, 0)))
    before, after = components(hopper, face), components(cut, there)
    side = "leftward_crop_of_the_face_image"
    assert score(cut, there, side) < score(hopper, face, side)
    assert after["rightward_crop_of_the_face_image"] == before["rightward_crop_of_the_face_image"]


def test_size_is_that_of_the_original(hopper: Image, face: Face) -> None:
    assert score(replace(hopper, scale=0.5), face, "inter_eye_distance") > score(hopper, face, "inter_eye_distance")


def test_five_landmarks_give_the_pose_alone(hopper: Image, face: Face) -> None:
    found = components(hopper, replace(face, points68=None))
    told = {name for name, score in found.items() if score is not None}
    assert told == {"head_pose_yaw", "head_pose_pitch", "head_pose_roll"}


def test_a_face_far_outside_says_nothing_false(hopper: Image, face: Face) -> None:
    assert face.points68 is not None
    away = replace(face, points5=face.points5 + 5000, points68=face.points68 + np.float32(5000))
    assert components(hopper, away)["background_uniformity"] is None


def test_the_sigmoid_is_half_in_its_middle_and_rises() -> None:
    assert sigmoid(0.2, 0.2, 0.05) == 0.5
    assert sigmoid(0.25, 0.2, 0.05) == pytest.approx(1 / (1 + np.exp(-1)))


def test_they_come_with_an_analysis_when_they_are_wanted(engine: VisionEngine, hopper: Image) -> None:
    [plain] = engine.analyze([hopper], AnalysisRequest())
    [told] = engine.analyze([hopper], AnalysisRequest(want=frozenset({"components"})))
    assert plain.faces[0].components is None
    assert told.faces[0].components is not None
    assert set(told.faces[0].components) == set(NAMES)
