"""Where a face looks, from its five points."""

import math

import numpy as np
from numpy.typing import NDArray

from heirloom.vision.types import Floats, Pose

MODEL_POINTS = np.array([(-32, -34, 0), (32, -34, 0), (0, 0, 32), (-25, 31, 3), (25, 31, 3)], np.float64)
"""An average adult's eye centres, nose tip and mouth corners: millimetres right, down and towards the camera.
Eye distance 64 mm; the rest is chosen so that the median of frontal press photos (LFW) has no yaw and no pitch."""


def pose_of(points5: Floats) -> Pose:
    """Return the angles of the rotation that best explains the points under scaled orthographic projection.

    The method is POS (DeMenthon and Davis, 1995): the two rows of the camera by least squares, made orthonormal.
    """
    model = MODEL_POINTS - MODEL_POINTS.mean(axis=0)
    seen = points5.astype(np.float64) - points5.mean(axis=0)
    rows, *_ = np.linalg.lstsq(model, seen, rcond=None)
    left, _, right = np.linalg.svd(rows.T, full_matrices=False)
    across, down = left @ right
    return _angles(across, down, np.cross(across, down))


def _angles(across: NDArray[np.float64], down: NDArray[np.float64], ahead: NDArray[np.float64]) -> Pose:
    """The rows of the rotation as degrees; the model's third axis points out of the face."""
    yaw = math.degrees(math.asin(float(np.clip(across[2], -1, 1))))
    pitch = math.degrees(math.atan2(-float(down[2]), float(ahead[2])))
    roll = math.degrees(math.atan2(float(down[0]), float(across[0])))
    return Pose(yaw, pitch, roll)
