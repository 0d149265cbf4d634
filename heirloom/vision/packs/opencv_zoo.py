"""YuNet and SFace of the OpenCV Zoo: small, permissive, hashes pinned. The recommended pack."""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision import catalog
from heirloom.vision.alignment import arcface_chip
from heirloom.vision.detection import Pixels, Search, largest_first, working_copy
from heirloom.vision.packs.base import Pack
from heirloom.vision.types import Box, Face, Floats

NAME = "opencv-zoo"
LICENCE = "MIT, Apache-2.0"
DETECTOR, RECOGNISER = "yunet", "sface"
MODEL = "sface-2021dec"
DIMENSIONS = 128

SMALLEST_FACE_PX = 24.0
"""YuNet finds faces of 10 to 300 px; at this size it still does so reliably, and the picture stays small."""

LOWEST_CONFIDENCE = 0.05
_CANDIDATES = 5000


class YuNetDetector:
    """YuNet through `cv2.FaceDetectorYN`, with its own five landmarks; safe to use from several threads."""

    name = DETECTOR
    smallest_face_px = SMALLEST_FACE_PX

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._lock = threading.Lock()
        self._network: Any = None

    def load(self) -> None:
        with self._lock:
            self._loaded()

    def detect(self, image: Image, search: Search) -> tuple[Face, ...]:
        pixels, factor = working_copy(image, search, SMALLEST_FACE_PX)
        with self._lock:
            network = self._loaded()
            network.setInputSize((pixels.shape[1], pixels.shape[0]))
            network.setScoreThreshold(max(search.min_confidence, LOWEST_CONFIDENCE))
            network.setNMSThreshold(search.iou_threshold)
            _, rows = network.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
        return largest_first([_face(row, factor) for row in (() if rows is None else rows)], search.max_faces)

    def _loaded(self) -> Any:
        if self._network is None:
            path = _verified(DETECTOR, self._models_dir)
            self._network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), 0.5, 0.4, _CANDIDATES)
        return self._network


class SFaceRecogniser:
    """SFace through `cv2.FaceRecognizerSF`, on chips aligned by five points; safe to use from several threads."""

    model = MODEL
    dimensions = DIMENSIONS

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._lock = threading.Lock()
        self._network: Any = None

    def load(self) -> None:
        with self._lock:
            self._loaded()

    def chips(self, image: Image, face: Face) -> Pixels:
        return arcface_chip(image.pixels, face.points5)[None]

    def vectors(self, chips: Pixels) -> Floats:
        with self._lock:
            network = self._loaded()
            rows = [network.feature(np.ascontiguousarray(chip[:, :, ::-1])).ravel().copy() for chip in chips]
        return np.stack(rows).astype(np.float32)

    def _loaded(self) -> Any:
        if self._network is None:
            self._network = cv2.FaceRecognizerSF.create(str(_verified(RECOGNISER, self._models_dir)), "")
        return self._network


def installed(models_dir: Path) -> bool:
    """Return whether both files are there with the right hash."""
    return catalog.usable(DETECTOR, models_dir) and catalog.usable(RECOGNISER, models_dir)


def opencv_zoo_pack(detector: YuNetDetector, models_dir: Path) -> Pack:
    return Pack(NAME, detector, SFaceRecogniser(models_dir))


def _verified(name: str, models_dir: Path) -> Path:
    if not catalog.usable(name, models_dir):
        raise Refusal("model_not_available", f"{name}: {catalog.verify(name, models_dir)}")
    return catalog.entry(name).location(models_dir)


def _face(row: Floats, factor: float) -> Face:
    """One row of YuNet: box, then right eye, left eye, nose tip, right and left mouth corner of the person, score.

    The person's right is the image's left, so the points are already in our order.
    """
    x, y, width, height = (float(value) / factor for value in row[:4])
    points = (row[4:14].reshape(5, 2) / factor).astype(np.float32)
    return Face(Box(x, y, width, height), float(np.clip(row[14], 0.0, 1.0)), points)
