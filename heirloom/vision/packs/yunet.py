"""YuNet of the OpenCV Zoo: a first look for faces on a small copy, then closer looks at each face for its landmarks.

Each look's landmarks are the mean over all of YuNet's candidates that agree on a face. Measured with a MobileFaceNet on
2,611 photos of 494 people of LFW, one photo against one: FNMR 1.8 % at FMR 1e-3 and 3.6 % at 1e-4. The first look alone
gives 5.6 % and 12.2 %, one look at the photo's full size 2.3 % and 4.9 %.
"""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from heirloom.media.types import Image
from heirloom.vision import catalog
from heirloom.vision.detection import Pixels, Search, largest_first, overlaps, shrunk, without_doubles, working_copy
from heirloom.vision.types import Box, Face, Floats

NAME = "yunet"

SMALLEST_FACE_PX = 24.0
"""The size of the smallest face in the first look. YuNet finds faces of 10 to 300 px, these still reliably."""

CLOSE_FACE_PX = 80
CLOSE_SIDE_PX = 160
"""The size of a face, and of the square around it, in a closer look."""

CLOSER_LOOKS = 2
"""Each is centred on what the one before saw. YuNet's points move with its grid, by 7.7 % of the eye distance when a
photo is shifted or scaled: after one closer look by 1.7 %, after two by 1.0 %."""

SAME_FACE = 0.3
"""The closer look sees the face of the first where their boxes overlap by this much (intersection over union)."""

AGREEING = 0.5
"""Candidates that overlap the best one by this much are averaged with it."""

LOWEST_CONFIDENCE = 0.05
CLOSE_CONFIDENCE = 0.3
_CANDIDATES = 5000
_KEEP_ALL = 1.0

Doubles = NDArray[np.float64]


class YuNetDetector:
    """YuNet through `cv2.FaceDetectorYN`, with its own five landmarks; safe to use from several threads."""

    name = NAME
    smallest_face_px = SMALLEST_FACE_PX

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._lock = threading.Lock()
        self._wide: Any = None
        self._close: Any = None

    def load(self) -> None:
        with self._lock:
            self._loaded()

    def detect(self, image: Image, search: Search) -> tuple[Face, ...]:
        pixels, factor = working_copy(image, search, SMALLEST_FACE_PX)
        origin = np.full(2, 0.5 / factor - 0.5)
        with self._lock:
            self._loaded()
            rows = _candidates(self._wide, pixels, max(search.min_confidence, LOWEST_CONFIDENCE))
            best = without_doubles(rows[:, :4], rows[:, 14], search.iou_threshold)
            faces = [_face(_moved(_agreed(rows, k), factor, origin), float(rows[k, 14])) for k in best]
            for _ in range(CLOSER_LOOKS):
                faces = [self._looked_at(image.pixels, face) for face in largest_first(faces, search.max_faces)]
        return largest_first(faces, search.max_faces)

    def _looked_at(self, pixels: Pixels, face: Face) -> Face:
        """The same face with the box and points of a closer look, or as it was where that does not show it."""
        square, factor, origin = _square_around(pixels, face.box)
        rows = _candidates(self._close, square, CLOSE_CONFIDENCE)
        rows[:, :14] = _moved(rows, factor, origin)[:, :14]
        known = np.array([face.box.x, face.box.y, face.box.width, face.box.height])
        same = rows[overlaps(known, rows[:, :4]) > SAME_FACE]
        if not len(same):
            return face
        return _face(_agreed(same, int(same[:, 14].argmax())), face.confidence)

    def _loaded(self) -> None:
        """Two of the same network: one's input size changes with every picture, the other's never does."""
        if self._wide is None:
            path = str(catalog.checked(NAME, self._models_dir))
            self._close = cv2.FaceDetectorYN.create(path, "", (CLOSE_SIDE_PX, CLOSE_SIDE_PX), 0.5, 0.4, _CANDIDATES)
            self._wide = cv2.FaceDetectorYN.create(path, "", (320, 320), 0.5, 0.4, _CANDIDATES)


def _candidates(network: Any, pixels: Pixels, lowest: float) -> Doubles:
    """(n, 15) float64: every candidate of at least this confidence, overlapping ones included."""
    size = pixels.shape[1], pixels.shape[0]
    if network.getInputSize() != size:
        network.setInputSize(size)
    network.setScoreThreshold(lowest)
    network.setNMSThreshold(_KEEP_ALL)
    _, rows = network.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
    return np.empty((0, 15)) if rows is None else np.asarray(rows, np.float64)


def _agreed(rows: Doubles, best: int) -> Doubles:
    """(15,): the mean of the candidates that show the same face as this one, weighted by their confidence."""
    agreeing = rows[overlaps(rows[best, :4], rows[:, :4]) > AGREEING]
    return np.asarray(np.average(agreeing, axis=0, weights=agreeing[:, 14]), np.float64)


def _square_around(pixels: Pixels, box: Box) -> tuple[Pixels, float, Doubles]:
    """The face at CLOSE_FACE_PX in the exact middle of a square, black beyond the frame; its scale and its origin."""
    factor = CLOSE_FACE_PX / max(box.width, box.height)
    middle, centre = np.array((box.x + box.width / 2, box.y + box.height / 2)), (CLOSE_SIDE_PX - 1) / 2
    low = np.clip(np.floor(middle - centre / factor).astype(int) - 1, 0, None)
    high = np.ceil(middle + centre / factor).astype(int) + 2
    whole = max(1, int(1 / factor))
    region = shrunk(pixels[low[1] : high[1], low[0] : high[0]], whole)
    shift = factor * (low + (whole - 1) / 2 - middle) + centre
    matrix = np.array([(factor * whole, 0, shift[0]), (0, factor * whole, shift[1])])
    square = cv2.warpAffine(region, matrix, (CLOSE_SIDE_PX, CLOSE_SIDE_PX), flags=cv2.INTER_LINEAR)
    return np.asarray(square, np.uint8), factor, middle - centre / factor


def _moved(rows: Doubles, factor: float, origin: Doubles) -> Doubles:
    """Rows of a copy's pixels in pixels of the picture; `origin` is where the middle of the copy's first pixel lies."""
    moved = rows.copy()
    moved[..., :14] /= factor
    moved[..., 0] += origin[0]
    moved[..., 1] += origin[1]
    moved[..., 4:14:2] += origin[0]
    moved[..., 5:14:2] += origin[1]
    return moved


def _face(row: Doubles, confidence: float) -> Face:
    """One row of YuNet: box, then right eye, left eye, nose tip, right and left mouth corner of the person, score.

    The person's right is the image's left, so the points are already in our order.
    """
    points: Floats = row[4:14].reshape(5, 2).astype(np.float32)
    return Face(Box(*row[:4].tolist()), float(np.clip(confidence, 0.0, 1.0)), points)
