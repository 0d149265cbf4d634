"""The built-in pack: dlib's mmod detector, landmarks and ResNet descriptor, whose weights arrive with pip."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heirloom.media.types import Image
from heirloom.vision import dlib_graphs
from heirloom.vision.alignment import dlib_chips
from heirloom.vision.detection import Pixels, Search, largest_first, logistic, without_doubles, working_copy
from heirloom.vision.landmarks import Landmarks, disagreement, five_of
from heirloom.vision.packs import pyramid
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import Box, Face, Floats

NAME = "dlib"
LICENCE = "CC0-1.0"
LANDMARKS_NOTE = "68 landmarks trained on iBUG 300-W, whose licence excludes commercial use"
DETECTOR_WEIGHTS = ("dlib-detector", "dlib-landmarks-5", "dlib-landmarks-68")
WEIGHTS = ("dlib-descriptor", *DETECTOR_WEIGHTS)
MODEL = "dlib-resnet-v1-avg3"
DIMENSIONS = dlib_graphs.DIMENSIONS

CONFIDENCE_SLOPE = 4.0
"""mmod scores are unbounded; 0 separates face from background and clear faces score about 1.05.
Confidence is the logistic function of the score times this slope: 0 becomes 0.5, 1.05 becomes 0.985."""

LOWEST_SCORE = -0.5
"""However little confidence is asked for, windows below this are background (it scores about -1.1)."""

PADDINGS = (0.20, 0.25, 0.30)
MIRRORED = (0.25,)
"""Chips of three paddings are averaged, the middle one mirrored: as good as all three with all their mirror images, at
half of the cost (docs/models/dlib-studies.md)."""


class MmodDetector:
    """dlib's max-margin CNN over a pyramid of ratio 5/6: 80x80 windows, scores over 0, non-maximum suppression."""

    name = NAME
    smallest_face_px = float(pyramid.WINDOW_PX)

    def __init__(self, runtime: Runtime, models_dir: Path, landmarks: Landmarks) -> None:
        self._runtime, self._models_dir, self._landmarks = runtime, models_dir, landmarks

    def load(self) -> None:
        self._landmarks.load()
        self._runtime.network(dlib_graphs.detector_graph(self._models_dir))

    def detect(self, image: Image, search: Search) -> tuple[Face, ...]:
        pixels, factor = working_copy(image, search, pyramid.WINDOW_PX)
        network = self._runtime.network(dlib_graphs.detector_graph(self._models_dir))
        windows = pyramid.scan(network, pixels, _score_of(search.min_confidence), search.least_share)
        kept = without_doubles(windows.boxes, windows.scores, search.iou_threshold)
        faces = [self._face(windows.boxes[k] / factor, windows.scores[k]) for k in kept]
        return tuple(self._with_landmarks(image, face) for face in largest_first(faces, search.max_faces))

    def _face(self, box: NDArray[np.float64], score: float) -> Face:
        return Face(Box(*box.tolist()), confidence_of(score), np.zeros((5, 2), np.float32))

    def _with_landmarks(self, image: Image, face: Face) -> Face:
        shape5, points = self._landmarks.both(image.pixels, face.box)
        five = five_of(points)
        return Face(face.box, face.confidence, five, points, disagreement(shape5, five))


class DlibRecogniser:
    """dlib's ResNet descriptor, the mean over three paddings, one of them mirrored."""

    model = MODEL
    dimensions = DIMENSIONS
    norm_is_quality = False

    def __init__(self, runtime: Runtime, models_dir: Path, landmarks: Landmarks) -> None:
        self._runtime, self._models_dir, self._landmarks = runtime, models_dir, landmarks

    def load(self) -> None:
        self._landmarks.load()
        self._runtime.network(dlib_graphs.descriptor_graph(self._models_dir))

    def disagreement(self, image: Image, face: Face) -> float | None:
        return disagreement(self._landmarks.shape5(image.pixels, face.box), face.points5)

    def chips(self, image: Image, face: Face) -> Pixels:
        shape = self._landmarks.shape5(image.pixels, face.box)
        chips = dlib_chips(image.pixels, shape, PADDINGS)
        return np.stack(
            [chip[:, ::-1] if padding in MIRRORED else chip for chip, padding in zip(chips, PADDINGS, strict=True)]
        )

    def vectors(self, chips: Pixels) -> Floats:
        return self._runtime.network(dlib_graphs.descriptor_graph(self._models_dir)).run(chips)


def confidence_of(score: float) -> float:
    """Return the confidence in [0, 1] of an mmod score."""
    return logistic(CONFIDENCE_SLOPE * float(score))


def _score_of(confidence: float) -> float:
    """Return the mmod score of a confidence, never under LOWEST_SCORE."""
    if confidence <= 0:
        return LOWEST_SCORE
    if confidence >= 1:
        return math.inf
    return max(LOWEST_SCORE, math.log(confidence / (1 - confidence)) / CONFIDENCE_SLOPE)
