"""DeepFace's recognisers: `deepface:Dlib` through DeepFace itself, on packaged weights; the others from its ONNX files.

DeepFace's ONNX backend runs these very graphs, each in a session of its own. Here they run on the one runtime, fed as
DeepFace feeds them, so that its batches, its memory and its fall back to the CPU hold for them too.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision import deepface_home, dlib_weights
from heirloom.vision.alignment import dlib_chips
from heirloom.vision.detection import Pixels
from heirloom.vision.landmarks import Landmarks, disagreement
from heirloom.vision.types import Face, Floats

PREFIX = "deepface:"
DLIB = "Dlib"
DLIB_PADDING = 0.25
DLIB_WEIGHTS = "dlib-descriptor"


@dataclass(frozen=True, slots=True)
class Recognition:
    """One recogniser of DeepFace: its id there, its file in the catalog, its contract and its vector's length."""

    id: str
    weights: str
    contract: str
    dimensions: int
    licence: str

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.id}"


RECOGNISERS = (
    Recognition(DLIB, DLIB_WEIGHTS, "", 128, "CC0-1.0"),
    Recognition("Facenet", "deepface-facenet", "deepface-160", 128, "MIT; trained on VGGFace2"),
    Recognition("Facenet512", "deepface-facenet512", "deepface-160", 512, "MIT; trained on VGGFace2"),
    Recognition("ArcFace", "deepface-arcface", "deepface-112", 512, "MIT; trained on MS1M"),
    Recognition("SFace", "sface", "deepface-sface", 128, "Apache-2.0"),
    Recognition("GhostFaceNet", "deepface-ghostfacenet", "deepface-112", 512, "MIT; trained on MS1M"),
)

DETECTORS = ("retinaface", "centerface")
"""Detectors whose ONNX files DeepFace uses; `yunet` is the very file of the OpenCV Zoo."""


class DlibThroughDeepFace:
    """DeepFace's Dlib client: `.forward` on chips in blue, green, red order."""

    model = f"{PREFIX}{DLIB}"
    dimensions = 128
    norm_is_quality = False

    def __init__(self, models_dir: Path, device: str, landmarks: Landmarks) -> None:
        self._models_dir, self._device, self._landmarks = models_dir, device, landmarks
        self._lock = threading.Lock()
        self._client: Any = None

    def load(self) -> None:
        """Raises Refusal "weights_missing" or "weights_altered"."""
        self._model()

    def disagreement(self, image: Image, face: Face) -> float | None:
        return disagreement(self._landmarks.shape5(image.pixels, face.box), face.points5)

    def chips(self, image: Image, face: Face) -> Pixels:
        shape = self._landmarks.shape5(image.pixels, face.box)
        return dlib_chips(image.pixels, shape, (DLIB_PADDING,))

    def vectors(self, chips: Pixels) -> Floats:
        # The client scales up what looks like [0, 1] and then truncates: whole numbers come through exactly.
        blue_first = np.ascontiguousarray(chips[..., ::-1]).astype(np.float32)
        return np.asarray(self._model().forward(blue_first), np.float32).reshape(len(chips), self.dimensions)

    def _model(self) -> Any:
        with self._lock:
            if self._client is None:
                deepface_home.link_packaged(dlib_weights.DESCRIPTOR, self._models_dir)
                with deepface_home.prepare((DLIB_WEIGHTS,), self._models_dir, self._device):
                    modeling = deepface_home.part("deepface.modules.modeling")
                    self._client = modeling.get_model_class("facial_recognition", DLIB)()
            return self._client


def recognition(name: str) -> Recognition:
    """Return what DeepFace offers as the pack `deepface:<id>`.

    Raises Refusal "model_not_available" for an id that is not offered.
    """
    for each in RECOGNISERS:
        if name == each.name:
            return each
    raise Refusal("model_not_available", f"Offered are {', '.join(each.name for each in RECOGNISERS)}.")
