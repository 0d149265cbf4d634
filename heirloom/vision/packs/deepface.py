"""DeepFace's recognisers on our detectors: `deepface:Dlib` on packaged weights, others where theirs are present."""

import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision import deepface_home, dlib_weights
from heirloom.vision.alignment import dlib_chips
from heirloom.vision.detection import Detector, Pixels
from heirloom.vision.landmarks import Landmarks
from heirloom.vision.packs.base import Pack
from heirloom.vision.types import Face, Floats

PREFIX = "deepface:"
DLIB = "Dlib"
DLIB_PADDING = 0.25


@dataclass(frozen=True, slots=True)
class Offer:
    """One recogniser of DeepFace: its id there, its file in the catalog, its input side and its vector's length."""

    id: str
    weights: str
    side: int
    dimensions: int
    licence: str


OFFERS = (
    Offer(DLIB, "dlib-descriptor", 150, 128, "CC0-1.0"),
    Offer("Facenet", "deepface-facenet", 160, 128, "MIT; trained on VGGFace2"),
    Offer("Facenet512", "deepface-facenet512", 160, 512, "MIT; trained on VGGFace2"),
    Offer("ArcFace", "deepface-arcface", 112, 512, "MIT; trained on MS1M"),
    Offer("GhostFaceNet", "deepface-ghostfacenet", 112, 512, "MIT; trained on MS1M"),
)


class DeepFaceRecogniser:
    """One of DeepFace's model objects: `.forward` on chips in blue, green, red order, values in [0, 1]."""

    def __init__(self, offer: Offer, models_dir: Path, device: str, landmarks: Landmarks) -> None:
        self._offer, self._models_dir, self._device, self._landmarks = offer, models_dir, device, landmarks
        self._lock = threading.Lock()
        self._client: Any = None
        self.model = f"{PREFIX}{offer.id}"
        self.dimensions = offer.dimensions

    def load(self) -> None:
        self._model()

    def chips(self, image: Image, face: Face) -> Pixels:
        if self._offer.id == DLIB:
            shape = self._landmarks.shape5(image.pixels, face.box)
            return dlib_chips(image.pixels, shape, (DLIB_PADDING,))
        return level_chip(image, face, self._offer.side)[None]

    def vectors(self, chips: Pixels) -> Floats:
        model = self._model()
        scaled = np.ascontiguousarray(chips[..., ::-1]).astype(np.float32)
        # The Dlib client scales up again what looks like [0, 1] and then truncates: whole numbers come through exactly.
        values = scaled if self._offer.id == DLIB else scaled / 255
        return np.asarray(model.forward(values), np.float32).reshape(len(chips), self.dimensions)

    def _model(self) -> Any:
        with self._lock:
            if self._client is None:
                if self._offer.id == DLIB:
                    deepface_home.link_packaged(dlib_weights.DESCRIPTOR, self._models_dir)
                with deepface_home.prepare((self._offer.weights,), self._models_dir, self._device):
                    modeling = deepface_home.part("deepface.modules.modeling")
                    self._client = modeling.get_model_class("facial_recognition", self._offer.id)()
            return self._client


def offer(name: str) -> Offer:
    """Return the offer of the pack `deepface:<id>`.

    Raises Refusal "model_not_available" for an id that is not offered.
    """
    for each in OFFERS:
        if name == f"{PREFIX}{each.id}":
            return each
    raise Refusal("model_not_available", f"Offered are {', '.join(PREFIX + each.id for each in OFFERS)}.")


def installed(each: Offer, models_dir: Path) -> bool:
    """Return whether the recogniser's file is there with a known hash."""
    return deepface_home.installed((each.weights,), models_dir)


def deepface_pack(each: Offer, models_dir: Path, device: str, landmarks: Landmarks, detector: Detector) -> Pack:
    return Pack(f"{PREFIX}{each.id}", detector, DeepFaceRecogniser(each, models_dir, device, landmarks))


def level_chip(image: Image, face: Face, side: int) -> Pixels:
    """Return (side, side, 3): the box's square with the eyes turned level, black beyond the frame."""
    eyes = face.points5[1] - face.points5[0]
    box, longest = face.box, max(face.box.width, face.box.height)
    middle = (box.x + box.width / 2, box.y + box.height / 2)
    matrix = cv2.getRotationMatrix2D(middle, math.degrees(math.atan2(float(eyes[1]), float(eyes[0]))), side / longest)
    matrix = np.asarray(matrix, np.float64) + np.array([(0, 0, side / 2 - middle[0]), (0, 0, side / 2 - middle[1])])
    return np.asarray(cv2.warpAffine(image.pixels, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
