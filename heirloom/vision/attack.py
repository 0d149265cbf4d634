"""Presentation attack detection on one picture: a photo, screen or mask held before the camera."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from heirloom.media.types import Image
from heirloom.vision import catalog
from heirloom.vision.detection import Pixels
from heirloom.vision.names import MINIFASNET
from heirloom.vision.runtime import Network, Runtime
from heirloom.vision.types import AttackOutcome, AttackSignal, Box, Face, Floats

WIDENINGS = {"minifasnet-v2": 2.7, "minifasnet-v1se": 4.0}
"""The two networks, and how many times wider than the face each looks (minivision-ai, Silent-Face-Anti-Spoofing)."""

FACE_WIDTH, FACE_HEIGHT, FACE_ABOVE = 2.12, 2.80, 0.17
"""The face that the networks expect, in eye or eye-to-mouth distances, whichever is larger: its sides, and how far its
middle lies above that of the five points. They were trained on boxes from brow to chin, and a box of another shape, as
dlib's square, twice as often turns a live face into an attack. These are the medians of YuNet's boxes on LFW."""

INPUT_SIDE = 80
BONA_FIDE_CLASS = 1
ATTACK_SCORE = 0.5
"""The score that parts the classes, one picture taken alone. What a capture's scores say together, a policy says."""

LEAST_CONTEXT = 1.5
"""The frame must hold at least so many face boxes side by side each way. In a tighter one both networks see the
face alone, without the edge of a sheet or screen that they were trained to find."""

BATCH = 32


class AttackDetector(Protocol):
    """Says whether faces look like an attack, or that it could not tell. A missing signal is never a pass."""

    @property
    def name(self) -> str: ...

    @property
    def installed(self) -> bool: ...

    def load(self) -> None:
        """Bring the weights into memory now, where they are installed."""
        ...

    def signals(self, faces: Sequence[tuple[Image, Face]]) -> list[AttackSignal]:
        """Return one signal for each face, in order; they share the networks' batches."""
        ...


class MiniFasnet:
    """The MiniFASNet pair, in the shape in which DeepFace publishes it: the mean of both networks' probabilities."""

    name = MINIFASNET

    def __init__(self, models_dir: Path, runtime: Runtime) -> None:
        self._models_dir, self._runtime = models_dir, runtime
        self._lock = threading.Lock()
        self._paths: dict[str, Path] = {}

    @property
    def installed(self) -> bool:
        return bool(self._paths) or all(catalog.usable(name, self._models_dir) for name in WIDENINGS)

    def load(self) -> None:
        if self.installed:
            for name in WIDENINGS:
                self._network(name)

    def signals(self, faces: Sequence[tuple[Image, Face]]) -> list[AttackSignal]:
        if not self.installed:
            return [AttackSignal(MINIFASNET, AttackOutcome.INCONCLUSIVE, why="not_installed") for _ in faces]
        areas = [(image, face_area(face)) for image, face in faces]
        scores = iter(self.attack_scores([area for area in areas if context_of(*area) >= LEAST_CONTEXT]))
        return [_signal(float(next(scores))) if context_of(*area) >= LEAST_CONTEXT else TOO_TIGHT for area in areas]

    def attack_scores(self, faces: Sequence[tuple[Image, Box]]) -> Floats:
        """Return (n,) float32 in [0, 1]: one minus the mean probability of the bona fide class."""
        bona_fide = np.zeros(len(faces), np.float32)
        for name, widening in WIDENINGS.items():
            network = self._network(name)
            for start in range(0, len(faces), BATCH):
                # The graphs take blue first, 0..255.
                chips = [context_chip(image.pixels, box, widening) for image, box in faces[start : start + BATCH]]
                batch = np.stack(chips)[..., ::-1].astype(np.float32)
                bona_fide[start : start + BATCH] += network.run(batch)[:, BONA_FIDE_CLASS] / len(WIDENINGS)
        return np.clip(1 - bona_fide, 0.0, 1.0)

    def _network(self, name: str) -> Network:
        with self._lock:
            if name not in self._paths:
                self._paths[name] = catalog.checked(name, self._models_dir)
        return self._runtime.network(self._paths[name])


def face_area(face: Face) -> Box:
    """Return the box that the networks expect around a face, whatever box its detector draws."""
    points = face.points5.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    unit = max(float(np.hypot(*(points[1] - points[0]))), float(np.hypot(*(mouth - eyes))), 1.0)
    x, y = points.mean(axis=0)
    width, height = FACE_WIDTH * unit, FACE_HEIGHT * unit
    return Box(float(x) - width / 2, float(y) - FACE_ABOVE * unit - height / 2, width, height)


def context_of(image: Image, box: Box) -> float:
    """Return how many times the face box fits into the frame, in the direction where it fits less often."""
    return min((image.height - 1) / max(box.height, 1.0), (image.width - 1) / max(box.width, 1.0))


def context_chip(pixels: Pixels, box: Box, widening: float, side: int = INPUT_SIDE) -> Pixels:
    """Return (side, side, 3) uint8: the box widened about its middle, as the networks were trained.

    A window over the frame's edge is moved inside, not cut or padded; one larger than the frame is made to fit, in the
    box's own proportions. So crops Silent-Face-Anti-Spoofing (src/generate_patches.py, Apache-2.0), and DeepFace.
    """
    height, width = pixels.shape[:2]
    widened = min((height - 1) / max(box.height, 1.0), (width - 1) / max(box.width, 1.0), widening)
    left, right = _window(box.x, box.width, widened, width)
    top, bottom = _window(box.y, box.height, widened, height)
    crop = pixels[top : bottom + 1, left : right + 1]
    return np.asarray(cv2.resize(crop, (side, side)), np.uint8)


def _window(start: float, side: float, widened: float, size: int) -> tuple[int, int]:
    """Return the first and last pixel of a side widened about its middle and moved into a frame of this size."""
    middle, half = start + side / 2, side * widened / 2
    low, high = middle - half, middle + half
    if low < 0:
        low, high = 0.0, high - low
    if high > size - 1:
        low, high = low - (high - size + 1), size - 1.0
    return int(low), int(high)


TOO_TIGHT = AttackSignal(MINIFASNET, AttackOutcome.INCONCLUSIVE, why="face_too_tight")


def _signal(score: float) -> AttackSignal:
    return AttackSignal(MINIFASNET, AttackOutcome.ATTACK if score >= ATTACK_SCORE else AttackOutcome.BONA_FIDE, score)
