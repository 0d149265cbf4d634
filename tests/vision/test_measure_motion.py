"""How a head moves, by its points: depth is seen in a head and never in a flat picture of one."""

import cv2
import numpy as np
import pytest

from heirloom.media.types import Image
from heirloom.vision.motion import Changes
from heirloom.vision.types import Floats
from tests.heads import moment, turned


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (20, 0), (-30, 0), (0, 15), (0, -25), (10, 10)])
def test_a_turned_head_measures_its_angles(yaw: float, pitch: float) -> None:
    seen = moment(0.0, turned(yaw, pitch))
    assert (seen.turn, seen.nod) == pytest.approx((yaw, pitch), abs=1.5)


@pytest.mark.parametrize("seed", range(20))
def test_a_flat_picture_stays_what_it_is_however_it_is_tilted_and_stretched(seed: int) -> None:
    random = np.random.default_rng(seed)
    photo = turned(*random.uniform(-20, 20, 2))
    change = np.eye(2) + random.uniform(-0.45, 0.45, (2, 2))
    before, after = moment(0.0, photo), moment(1.0, np.asarray(photo @ change.T, np.float32))
    assert (after.turn, after.nod) == pytest.approx((before.turn, before.nod), abs=0.05)


@pytest.mark.parametrize("tilt_deg", [-50, -30, 30, 50])
def test_a_photo_tilted_near_the_camera_hardly_seems_to_turn(tilt_deg: float) -> None:
    seen = moment(0.0, _photo_before_a_camera(turned(0, 0), tilt_deg))
    assert abs(seen.turn) < 7
    assert abs(seen.nod) < 7


def test_foreshortening_is_the_cosine_of_a_planes_tilt() -> None:
    neutral = moment(0.0, turned(0, 0)).plane
    squeezed = moment(1.0, np.asarray(turned(0, 0) * [np.cos(np.radians(40)), 1.0], np.float32))
    assert squeezed.foreshortening(neutral) == pytest.approx(np.cos(np.radians(40)), abs=0.01)
    assert moment(1.0, turned(0, 0) * 3).foreshortening(neutral) == pytest.approx(1.0, abs=0.01)


def test_light_that_changes_is_no_change_of_the_picture() -> None:
    gray = np.full((64, 64, 3), 100, np.uint8)
    cut = cv2.circle(gray.copy(), (32, 32), 20, (250, 250, 250), -1)
    told = Changes()
    assert len(list(told.noting([Image(gray), Image(gray + np.uint8(20)), Image(cut)]))) == 3
    light, picture = told.found
    assert light.levels == 0.0
    assert picture.levels > 20


def _photo_before_a_camera(points: Floats, tilt_deg: float) -> Floats:
    """A photo in life size, half a meter from a camera, turned about its vertical axis."""
    flat = (points - points.mean(axis=0)) / 2
    tilt = np.radians(tilt_deg)
    x, y, z = flat[:, 0] * np.cos(tilt), flat[:, 1], flat[:, 0] * np.sin(tilt)
    return np.asarray(np.column_stack([x, y]) * (500 / (500 + z))[:, None] * 2 + 300, np.float32)
