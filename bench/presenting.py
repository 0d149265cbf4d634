"""A photo of somebody held before the camera instead of a face: kept still, turned as a head would be, or bent."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from bench.performing import FRAME_RATE, Performer, Pixels, Points, attitude_at, noisy, remapped, wander
from heirloom.decision.challenge import Step

DISTANCE = 2.0
"""From the camera to the photo, in widths of the photo: 20 cm of paper at 40 cm."""
STEEPER = 2.5
"""How much farther than a head a photo is turned: who holds it tries hard."""
BACKGROUND = (120, 118, 115)


def presented(
    photo: Pixels, steps: Sequence[Step], seconds: float, performer: Performer, *, bend: float
) -> Iterator[Pixels]:
    """Yield the frames of a photo in a hand that turns it where the steps ask a head to turn.

    bend: the radius, in widths of the photo, of an upright pipe around which it is bent before it is turned, so that
    its middle is nearer than its sides; 0 leaves it flat.
    """
    random = np.random.default_rng(performer.seed)
    drift = wander(random, round(seconds * FRAME_RATE))
    for number in range(len(drift)):
        asked = attitude_at(number / FRAME_RATE, steps, performer)
        turn = np.array([asked.yaw, asked.pitch]) * STEEPER + drift[number]
        held = _bent(photo, turn, bend) if bend else _tilted(photo, turn)
        yield noisy(held, performer.noise, random)


def _tilted(photo: Pixels, turn_deg: Points) -> Pixels:
    height, width = photo.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    seen = _before_camera(corners, np.zeros(4), turn_deg, width, height)
    change = cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32))
    return np.asarray(cv2.warpPerspective(photo, change, (width, height), borderValue=BACKGROUND), np.uint8)


def _bent(photo: Pixels, turn_deg: Points, bend: float) -> Pixels:
    height, width = photo.shape[:2]
    across, down = np.meshgrid(np.linspace(0, width, 9), np.linspace(0, height, 9))
    points = np.column_stack([across.ravel(), down.ravel()])
    angle = (points[:, 0] - width / 2) / (bend * width)
    around = np.column_stack([width / 2 + bend * width * np.sin(angle), points[:, 1]])
    return remapped(photo, points, _before_camera(around, bend * width * (np.cos(angle) - 1), turn_deg, width, height))


def _before_camera(points: Points, nearer: Points, turn_deg: Points, width: int, height: int) -> Points:
    """Return (n, 2) where points of the paper are seen. nearer: (n,) how far towards the camera they stand out."""
    yaw, pitch = np.radians(turn_deg)
    solid = np.column_stack([points - (width / 2, height / 2), nearer])
    about_y = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
    about_x = np.array([(1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))])
    turned = solid @ (about_y @ about_x).T
    near = DISTANCE * width / (DISTANCE * width - turned[:, 2:])
    return np.asarray(turned[:, :2] * near + (width / 2, height / 2), np.float64)
