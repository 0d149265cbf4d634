"""Presentation attack detection on one picture: a photo, screen or mask held before the camera."""

import logging
import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from heirloom.media.types import Image
from heirloom.vision import deepface_home
from heirloom.vision.types import AttackOutcome, AttackSignal, Box, Face

logger = logging.getLogger(__name__)

NAME = "minifasnet"
WEIGHTS = ("minifasnet-v2", "minifasnet-v1se")

WIDENINGS = (2.7, 4.0)
"""The two networks look at the face box widened so many times (minivision-ai, Silent-Face-Anti-Spoofing)."""

INPUT_SIDE = 80
BONA_FIDE_CLASS = 1
ATTACK_SCORE = 0.5

LEAST_CONTEXT = 1.5
"""The frame must hold at least so many face boxes side by side each way. In a tighter one both networks see the
face alone, without the edge of a sheet or screen that they were trained to find."""


class AttackDetector(Protocol):
    """Says whether a face looks like an attack, or that it could not tell. A missing signal is never a pass."""

    @property
    def name(self) -> str: ...

    @property
    def installed(self) -> bool: ...

    def load(self) -> None:
        """Bring the weights into memory now, where they are installed."""
        ...

    def signal(self, image: Image, face: Face) -> AttackSignal: ...


class MiniFasnet:
    """The MiniFASNet pair on DeepFace's ONNX backend; the mean of both networks' probabilities."""

    name = NAME

    def __init__(self, models_dir: Path, device: str) -> None:
        self._models_dir, self._device = models_dir, device
        self._lock = threading.Lock()
        self._fasnet: Any = None

    @property
    def installed(self) -> bool:
        return self._fasnet is not None or deepface_home.installed(WEIGHTS, self._models_dir)

    def load(self) -> None:
        if self.installed:
            self._model()

    def signal(self, image: Image, face: Face) -> AttackSignal:
        if not self.installed:
            return AttackSignal(NAME, AttackOutcome.INCONCLUSIVE, why="not_installed")
        if context_of(image, face.box) < LEAST_CONTEXT:
            return AttackSignal(NAME, AttackOutcome.INCONCLUSIVE, why="face_too_tight")
        score = self.attack_score(image, face.box)
        return AttackSignal(NAME, AttackOutcome.ATTACK if score >= ATTACK_SCORE else AttackOutcome.BONA_FIDE, score)

    def attack_score(self, image: Image, box: Box) -> float:
        """Return one minus the mean probability of the bona fide class, in [0, 1]."""
        fasnet = self._model()
        crop = deepface_home.part("deepface.models.spoofing.FasNetUtils").crop
        run = deepface_home.part("deepface.commons.onnx_utils").run_session
        blue_first = image.pixels[:, :, ::-1]
        area = box.x, box.y, box.width, box.height
        bona_fide = []
        for network, widening in zip((fasnet.first_model, fasnet.second_model), WIDENINGS, strict=True):
            chip = crop(blue_first, area, widening, INPUT_SIDE, INPUT_SIDE)
            bona_fide.append(float(run(network, chip)[0, BONA_FIDE_CLASS]))
        return float(np.clip(1 - np.mean(bona_fide), 0.0, 1.0))

    def _model(self) -> Any:
        with self._lock:
            if self._fasnet is None:
                with deepface_home.prepare(WEIGHTS, self._models_dir, self._device):
                    self._fasnet = deepface_home.part("deepface.models.spoofing.onnx.FasNet").Fasnet()
                logger.info("loaded %s", NAME)
            return self._fasnet


def context_of(image: Image, box: Box) -> float:
    """Return how many times the face box fits into the frame, in the direction where it fits less often."""
    return min((image.height - 1) / max(box.height, 1.0), (image.width - 1) / max(box.width, 1.0))
