"""dlib's landmark predictors: five points to align by, sixty-eight to measure by."""

import threading
from typing import Any

import dlib
import numpy as np

from heirloom.vision import dlib_weights
from heirloom.vision.detection import Pixels, squared
from heirloom.vision.types import Box, Floats

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
NOSE_TIP, LEFT_MOUTH, RIGHT_MOUTH = 30, 48, 54

BELOW_SHARE, SIDE_SHARE = 0.08, 0.965
"""The box that the sixty-eight points were trained in, dlib's HOG detector's, against the middle of eyes and nose and
the side of the CNN detector's box: near the medians over 40 faces of LFW, 0.08 and 0.94 (docs/models/dlib-studies.md).
On heads turned aside the CNN's own box is off, and the points with it."""


FACE_SIDE, FACE_ABOVE = 1.95, 0.22
"""The box in which the five points are looked for around points of another model: its side, and how far its middle lies
above theirs, in eye or eye-to-mouth distances, whichever is larger. The CNN detector's boxes over 400 faces of LFW are
2.17 as wide and 0.22 above (medians); in one a tenth smaller the fewest upright faces, 4 of 400, differ by 0.22 eye
distances. YuNet's points of 94 faces rolled by 30 degrees all do: they stand too upright by two thirds of the roll."""


class Landmarks:
    """Loads a predictor when it is first asked for; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._predictors: dict[str, Any] = {}

    def load(self) -> None:
        for name in (dlib_weights.LANDMARKS_5, dlib_weights.LANDMARKS_68):
            self._predictor(name)

    def shape5(self, pixels: Pixels, box: Box) -> Any:
        """Return dlib's own five-point shape, as `dlib.get_face_chip` takes it."""
        return self._predictor(dlib_weights.LANDMARKS_5)(np.ascontiguousarray(pixels), _rectangle(box))

    def shape68(self, pixels: Pixels, box: Box) -> Any:
        """Return dlib's own sixty-eight-point shape, as `dlib.get_face_chip` takes it too."""
        return self._predictor(dlib_weights.LANDMARKS_68)(np.ascontiguousarray(pixels), _rectangle(box))

    def points68(self, pixels: Pixels, box: Box) -> Floats:
        """Return (68, 2) float32 in the iBUG order, in pixels."""
        return _points(self.shape68(pixels, box))

    def both(self, pixels: Pixels, box: Box) -> tuple[Any, Floats]:
        """Return dlib's own five-point shape and the (68, 2) points, looked for in a box that the five have centred.

        box: of the CNN detector.
        """
        shape5 = self.shape5(pixels, box)
        return shape5, self.points68(pixels, _centred(squared(box), shape5))

    def apart(self, pixels: Pixels, points5: Floats) -> float:
        """Return how far from these points of another model the five put an eye, in eye distances."""
        middle, eyes, mouth = points5.mean(axis=0), points5[:2].mean(axis=0), points5[3:].mean(axis=0)
        unit = max(float(np.linalg.norm(points5[1] - points5[0])), float(np.linalg.norm(mouth - eyes)), 1.0)
        side = FACE_SIDE * unit
        box = Box(float(middle[0]) - side / 2, float(middle[1]) - FACE_ABOVE * unit - side / 2, side, side)
        return disagreement(self.shape5(pixels, box), points5)

    def _predictor(self, name: str) -> Any:
        with self._lock:
            if name not in self._predictors:
                self._predictors[name] = dlib.shape_predictor(str(dlib_weights.path_of(name)))
            return self._predictors[name]


def five_of(points68: Floats) -> Floats:
    """Return (5, 2) float32: the centres of both eyes, nose tip and mouth corners, as seen in the image."""
    eyes = points68[LEFT_EYE].mean(axis=0), points68[RIGHT_EYE].mean(axis=0)
    return np.stack([*eyes, points68[NOSE_TIP], points68[LEFT_MOUTH], points68[RIGHT_MOUTH]]).astype(np.float32)


def disagreement(shape5: Any, points5: Floats) -> float:
    """Return how far apart both models put an eye, the farther of the two, in eye distances."""
    eyes = _eyes(shape5)
    eyes = eyes[np.argsort(eyes[:, 0])]
    apart = np.linalg.norm(points5[:2] - eyes, axis=1).max()
    return float(apart / max(float(np.linalg.norm(points5[1] - points5[0])), 1.0))


def _points(shape: Any) -> Floats:
    return np.array([(point.x, point.y) for point in shape.parts()], np.float32)


def _eyes(shape5: Any) -> Floats:
    """Return (2, 2): the middles of both eyes, of whose corners four of the five points are."""
    return np.asarray(_points(shape5)[:4].reshape(2, 2, 2).mean(axis=1), np.float32)


def _centred(square: Box, shape5: Any) -> Box:
    eyes, nose = _eyes(shape5), _points(shape5)[4]
    x, y = (eyes.sum(axis=0) + nose) / 3
    side = SIDE_SHARE * square.width
    return Box(float(x) - side / 2, float(y) + BELOW_SHARE * square.width - side / 2, side, side)


def _rectangle(box: Box) -> Any:
    """The nearest whole-pixel rectangle; dlib counts its right and bottom edge as inside."""
    square = squared(box)
    left, top = round(square.x), round(square.y)
    return dlib.rectangle(left, top, left + round(square.width) - 1, top + round(square.height) - 1)
