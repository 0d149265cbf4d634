"""What falls short is said by its code; ordinary photos pass."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.studies import degraded
from heirloom.errors import CODES
from heirloom.media.types import Image
from heirloom.vision import covering, gates, quality
from heirloom.vision.engine import VisionEngine
from heirloom.vision.packs.dlib import confidence_of
from heirloom.vision.pose import MODEL_POINTS, pose_of
from heirloom.vision.types import AnalysisRequest, Pose, Quality
from tests.vision.conftest import opened


def assessed(engine: VisionEngine, pixels: np.ndarray, scale: float = 1.0) -> Quality:
    [frame] = engine.analyze([Image(np.ascontiguousarray(pixels), scale)], AnalysisRequest(min_face_px=40))
    return frame.faces[0].quality


def test_both_portraits_are_good_enough(engine: VisionEngine, astronaut: Image, hopper: Image) -> None:
    for image in (astronaut, hopper):
        found = assessed(engine, image.pixels)
        assert found.reasons == ()
        assert gates.PASSING_SCORE <= found.score <= 100


def test_a_small_face_is_too_small(engine: VisionEngine, hopper: Image) -> None:
    small = cv2.resize(hopper.pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    assert "face_too_small" in assessed(engine, small).reasons


def test_size_is_measured_in_the_original(engine: VisionEngine, hopper: Image) -> None:
    small = cv2.resize(hopper.pixels, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    found = assessed(engine, small, scale=0.3)
    assert "face_too_small" not in found.reasons
    assert found.eye_distance_px == pytest.approx(assessed(engine, hopper.pixels).eye_distance_px, rel=0.1)


def test_a_blurred_face_is_blurred(engine: VisionEngine, hopper: Image) -> None:
    assert assessed(engine, cv2.GaussianBlur(hopper.pixels, (0, 0), 6)).reasons == ("blurred",)


@pytest.mark.parametrize("factor", [0.5, 0.35])
def test_a_dim_or_flat_photo_is_as_sharp_as_before(engine: VisionEngine, hopper: Image, factor: float) -> None:
    sharp = assessed(engine, hopper.pixels).sharpness
    flat = ((hopper.pixels - 128.0) * factor * 0.5 + 128).astype(np.uint8)
    for dimmed in ((hopper.pixels * factor).astype(np.uint8), flat):
        found = assessed(engine, dimmed)
        assert "blurred" not in found.reasons
        assert found.sharpness == pytest.approx(sharp, rel=0.15)


def test_a_blurred_face_is_blurred_in_the_dark_too(engine: VisionEngine, hopper: Image) -> None:
    dim = (cv2.GaussianBlur(hopper.pixels, (0, 0), 6) * 0.5).astype(np.uint8)
    assert "blurred" in assessed(engine, dim).reasons


@pytest.mark.parametrize(
    ("way", "code"),
    [
        (degraded.in_sunglasses, "eyes_covered"),
        (degraded.masked("blue"), "mouth_covered"),
        (degraded.masked("white"), "mouth_covered"),
        (degraded.masked("black"), "mouth_covered"),
    ],
)
def test_what_hides_a_face_is_told_at_enrollment_alone(
    engine: VisionEngine, hopper: Image, way: degraded.Way, code: str
) -> None:
    [frame] = engine.analyze([hopper], AnalysisRequest())
    face = frame.faces[0].face
    made = way(hopper, face)
    assert code not in quality.assess(hopper, face, gates.ENROLL).reasons
    assert code in quality.assess(made, face, gates.ENROLL).reasons
    assert code not in quality.assess(made, face, gates.VERIFY).reasons


def test_closed_eyes_are_told_at_enrollment(engine: VisionEngine, hopper: Image) -> None:
    [frame] = engine.analyze([hopper], AnalysisRequest())
    face = frame.faces[0].face
    assert face.points68 is not None
    shut = face.points68.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        shut[lower] = shut[upper] + (0, 1)
    assert "eyes_closed" in quality.assess(hopper, replace(face, points68=shut), gates.ENROLL).reasons
    unknown = quality.assess(hopper, replace(face, points68=None), gates.ENROLL)
    assert "eyes_closed" not in unknown.reasons


def test_a_gray_photo_says_nothing_of_a_mask(engine: VisionEngine, hopper: Image) -> None:
    [frame] = engine.analyze([hopper], AnalysisRequest())
    face = frame.faces[0].face
    gray = degraded.in_gray(degraded.masked("white")(hopper, face), face)
    assert covering.look(gray, face).skin_at_mouth is None
    assert "mouth_covered" not in quality.assess(gray, face, gates.ENROLL).reasons


def test_an_enrollment_asks_for_more_than_a_verification(engine: VisionEngine, hopper: Image) -> None:
    [frame] = engine.analyze([hopper], AnalysisRequest())
    measured = quality.measure(hopper, frame.faces[0].face)
    for changed in (
        {"eye_distance_px": 26.0},
        {"brightness": 35.0},
        {"sharpness": 0.62},
        {"pose": Pose(45.0, 0.0, 0.0)},
        {"pose": Pose(0.0, -40.0, 0.0)},
        {"missed": 0.5},
    ):
        seen = replace(measured, **changed)
        assert quality.judged(seen, gates.VERIFY).reasons == ()
        refused = quality.judged(seen, gates.ENROLL)
        assert refused.reasons != ()
        assert refused.score < gates.PASSING_SCORE


def test_a_gate_that_there_is_not_is_refused(engine: VisionEngine, hopper: Image) -> None:
    with pytest.raises(ValueError, match="a gate is one of"):
        engine.analyze([hopper], AnalysisRequest(gate="none"))


def test_a_dark_face_is_too_dark(engine: VisionEngine, hopper: Image) -> None:
    assert "too_dark" in assessed(engine, (hopper.pixels * 0.2).astype(np.uint8)).reasons


def test_a_bright_face_is_too_bright(engine: VisionEngine, hopper: Image) -> None:
    bright = np.clip(hopper.pixels.astype(np.float32) * 1.2 + 90, 0, 255).astype(np.uint8)
    assert "too_bright" in assessed(engine, bright).reasons


def test_a_face_cut_off_by_the_frame_is_occluded(engine: VisionEngine, hopper: Image) -> None:
    assert "face_occluded" in assessed(engine, hopper.pixels[:270]).reasons


def test_a_tilted_face_is_turned(engine: VisionEngine, hopper: Image) -> None:
    [frame] = engine.analyze([hopper], AnalysisRequest())
    face = frame.faces[0].face
    measures = quality.measure(hopper, face)
    assert gates.Turn().score(measures) >= gates.PASSING_SCORE
    middle = face.points5.mean(axis=0)
    for angle in (-60, 60):
        turn = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), angle, 1.0)
        pose = pose_of((face.points5 @ turn[:, :2].T + turn[:, 2]).astype(np.float32))
        assert abs(pose.roll + angle) < 10


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (30, 0), (-30, 0), (0, 25), (0, -25), (45, 10)])
def test_pose_is_the_rotation_that_was_made(yaw: float, pitch: float) -> None:
    across, up = np.radians(yaw), np.radians(pitch)
    about_y = [(np.cos(across), 0, np.sin(across)), (0, 1, 0), (-np.sin(across), 0, np.cos(across))]
    about_x = [(1, 0, 0), (0, np.cos(up), -np.sin(up)), (0, np.sin(up), np.cos(up))]
    seen = (MODEL_POINTS @ (np.array(about_x) @ np.array(about_y)).T)[:, :2] * 1.7 + 200
    pose = pose_of(seen.astype(np.float32))
    assert pose.yaw == pytest.approx(yaw, abs=1)
    assert pose.pitch == pytest.approx(pitch, abs=1)


def test_all_failures_are_collected(engine: VisionEngine, hopper: Image) -> None:
    bad = (cv2.GaussianBlur(hopper.pixels, (0, 0), 6) * 0.2).astype(np.uint8)
    found = assessed(engine, bad)
    assert {"blurred", "too_dark"} <= set(found.reasons)
    assert found.score < gates.PASSING_SCORE


def test_every_code_is_public() -> None:
    assert {check.code for gate in gates.GATES.values() for check in gate.checks} <= set(CODES)


def test_confidence_rises_with_the_score() -> None:
    values = [confidence_of(score) for score in (-1.0, 0.0, 0.5, 1.05, 3.0)]
    assert values == sorted(values)
    assert values[1] == 0.5


def test_ordinary_press_photos_pass(engine: VisionEngine, assets: Path) -> None:
    paths = sorted((assets / "data" / "faces" / "lfw").glob("*/*.jpg"))[3::100]
    passed = 0
    for path in paths:
        [frame] = engine.analyze([opened(path.read_bytes())], AnalysisRequest())
        passed += frame.faces[0].quality.reasons == ()
    assert passed / len(paths) >= 0.9


@pytest.mark.parametrize("name", ["pose/left_face.jpeg", "pose/right_face.png"])
def test_a_profile_is_turned(engine: VisionEngine, assets: Path, name: str) -> None:
    [frame] = engine.analyze([opened((assets / "data" / "conditions" / name).read_bytes())], AnalysisRequest())
    assert "face_turned" in frame.faces[0].quality.reasons


@pytest.mark.parametrize(
    ("name", "roll"), [("rot_0.jpg", 0), ("rot_90.jpg", 90), ("rot_180.jpg", 180), ("rot_270.jpg", -90)]
)
def test_a_face_on_its_side_or_head_down_is_read_as_it_stands(
    engine: VisionEngine, assets: Path, name: str, roll: float
) -> None:
    [frame] = engine.analyze([opened((assets / "data/conditions/rotate" / name).read_bytes())], AnalysisRequest())
    found = frame.faces[0].quality
    assert found.reasons == ()
    assert abs((found.pose.roll - roll + 180) % 360 - 180) < 20


def test_the_blurred_photo_is_refused(engine: VisionEngine, assets: Path) -> None:
    [frame] = engine.analyze([opened((assets / "data/conditions/other/blur.jpg").read_bytes())], AnalysisRequest())
    assert "blurred" in frame.faces[0].quality.reasons
