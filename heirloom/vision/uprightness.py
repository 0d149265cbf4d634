"""Proof that a face stands upright where its landmarks say so.

Landmarks put eyes above a mouth wherever they are made to look, also on a face that lies on its side or stands on its
head, and templates of faces so misread make everybody alike. So the face is looked at again, cut out as its points say
and turned all four ways: only one way may look like a face that stands. Two witnesses say how much each way does, and
neither knows anything of the landmarks:

- a line through histograms of oriented gradients (Dalal and Triggs, 2005), measured on LFW and kept in upright.json;
- where it leaves a doubt, dlib's mmod detector, run on the square itself at two sizes.

`python -m bench.studies.upright` measures the numbers; docs/models/turned.md has what came of it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from heirloom.media.types import Image
from heirloom.vision import dlib_graphs
from heirloom.vision.alignment import ARCFACE_POINTS, similarity
from heirloom.vision.detection import Pixels
from heirloom.vision.runtime import Runtime
from heirloom.vision.turning import QUARTERS
from heirloom.vision.types import Face, Floats

DATA_FILE = Path(__file__).with_name("upright.json")

SIDE, EYES = 64, 24.0
"""The square that gradients are taken of, and how far apart the eyes lie in it, in pixels: brows to chin."""

WIDE_SIDE, WIDE_EYES = 160, (28.0, 34.0)
"""The squares that mmod looks at: its window is 80 px, and a face fills it at either of these eye distances."""

BLOCK, CELL, DIRECTIONS = (16, 16), (8, 8), 9
"""Dalal and Triggs's blocks of two by two cells of eight pixels, nine directions."""

_ARCFACE_EYES = float(np.linalg.norm(ARCFACE_POINTS[1] - ARCFACE_POINTS[0]))

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """What was measured. provenance: on whom, when, by which command.

    line: (1764,) and offset: how much a square of SIDE looks like an upright face, in standard deviations.
    shape: weights of how the square looks as it stands, and of its lead over the best of its turns; then a constant.
    both: the same, then mmod's lead at each of WIDE_EYES; then a constant. Either gives the logarithm of the odds that
    the face is upright, for as many upright as turned ones.
    clear: from here on `shape` alone is proof. proved: from here on `both` is.
    """

    provenance: dict[str, Any]
    line: Doubles
    offset: float
    shape: Doubles
    both: Doubles
    clear: float
    proved: float


@cache
def numbers() -> Numbers:
    """Return the packaged numbers."""
    raw = json.loads(DATA_FILE.read_text(encoding="utf-8"))
    arrays = {name: np.array(raw[name], np.float64) for name in ("line", "shape", "both")}
    return Numbers(**{**raw, **arrays})


class Uprightness:
    """Says which faces are proved to stand upright in the picture they were found in."""

    def __init__(self, runtime: Runtime, models_dir: Path) -> None:
        self._runtime, self._models_dir = runtime, models_dir

    def load(self) -> None:
        """Bring the numbers and the network into memory now."""
        numbers()
        self._runtime.network(dlib_graphs.detector_graph(self._models_dir))

    def proved(self, image: Image, faces: Sequence[Face]) -> list[bool]:
        """Return, for each face of the picture, whether it is upright as it stands; what cannot be told is not."""
        return [self._is_proved(image.pixels, face.points5) for face in faces]

    def _is_proved(self, pixels: Pixels, points5: Floats) -> bool:
        if not np.isfinite(points5).all() or float(np.linalg.norm(points5[1] - points5[0])) < 1.0:
            return False
        known = numbers()
        seen = shape_seen(pixels, points5, known)
        if float(known.shape @ (*seen, 1.0)) >= known.clear:
            return True
        leads = self.leads(pixels, points5)
        return bool(float(known.both @ (*seen, *leads, 1.0)) >= known.proved)

    def leads(self, pixels: Pixels, points5: Floats) -> tuple[float, ...]:
        """Return by how much mmod scores the face higher as it stands than turned, at each of WIDE_EYES."""
        turned = [each for eyes in WIDE_EYES for each in four_ways(square(pixels, points5, WIDE_SIDE, eyes))]
        marked = np.concatenate([np.stack(turned), np.ones((len(turned), WIDE_SIDE, WIDE_SIDE, 1), np.uint8)], axis=-1)
        scores = self._runtime.network(dlib_graphs.detector_graph(self._models_dir)).run(marked)
        best = scores.reshape(len(WIDE_EYES), QUARTERS, -1).max(axis=-1)
        return tuple(float(lead) for lead in best[:, 0] - best[:, 1:].max(axis=1))


def shape_seen(pixels: Pixels, points5: Floats, known: Numbers) -> tuple[float, float]:
    """Return how much the face looks upright as it stands, and its lead over the best of its turns."""
    ways = [
        float(known.line @ gradients(each)) + known.offset for each in four_ways(square(pixels, points5, SIDE, EYES))
    ]
    return ways[0], ways[0] - max(ways[1:])


def gradients(chip: Pixels) -> Floats:
    """Return (1764,) float32: the histograms of a square of SIDE."""
    gray = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    return np.asarray(_histograms().compute(gray), np.float32).ravel()


def square(pixels: Pixels, points5: Floats, side: int, eyes: float, bent: Doubles | None = None) -> Pixels:
    """Return (side, side, 3): the face as its five points say it stands, its eyes so many pixels apart.

    bent: (2, 3), a further change of the square about its middle, as the studies make them.
    """
    middle = ARCFACE_POINTS.mean(axis=0)
    target = (ARCFACE_POINTS - middle).astype(np.float64) * (eyes / _ARCFACE_EYES)
    if bent is not None:
        target = target @ bent[:, :2].T + bent[:, 2]
    matrix = similarity(points5.astype(np.float64), target + (side - 1) / 2)
    return np.asarray(cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def four_ways(chip: Pixels) -> list[Pixels]:
    return [np.ascontiguousarray(np.rot90(chip, quarters)) for quarters in range(QUARTERS)]


@cache
def _histograms() -> Any:
    return cv2.HOGDescriptor((SIDE, SIDE), BLOCK, CELL, CELL, DIRECTIONS)
