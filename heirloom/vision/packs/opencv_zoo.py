"""YuNet and SFace of the OpenCV Zoo: small, permissive, hashes pinned. The recommended pack."""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from heirloom.media.types import Image
from heirloom.vision import catalog
from heirloom.vision.alignment import arcface_chip
from heirloom.vision.detection import Pixels
from heirloom.vision.packs.base import Pack
from heirloom.vision.packs.yunet import NAME as YUNET
from heirloom.vision.packs.yunet import YuNetDetector
from heirloom.vision.types import Face, Floats

NAME = "opencv-zoo"
LICENCE = "MIT, Apache-2.0"
DETECTOR, RECOGNISER = YUNET, "sface"
MODEL = "sface-2021dec"
DIMENSIONS = 128
WEIGHTS = (DETECTOR, RECOGNISER)


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
            self._network = cv2.FaceRecognizerSF.create(str(catalog.checked(RECOGNISER, self._models_dir)), "")
        return self._network


def installed(models_dir: Path) -> bool:
    """Return whether both files are there with the right hash."""
    return all(catalog.usable(name, models_dir) for name in WEIGHTS)


def opencv_zoo_pack(detector: YuNetDetector, models_dir: Path) -> Pack:
    return Pack(NAME, detector, SFaceRecogniser(models_dir))
