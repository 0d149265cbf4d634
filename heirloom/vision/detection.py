"""What every face detector promises, and the geometry that detectors share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from heirloom.media.types import Image
from heirloom.vision.types import AnalysisRequest, Box, Face

Pixels = NDArray[np.uint8]

WORKING_SIDE_PX = 640
"""The longest side a detector works at: it bounds the cost of a photo of any size."""

COMPANION_SHARE = 0.5
"""Whoever stands beside the main face and appears this large is no bystander far behind it."""

THOROUGH_FACTOR = 2
"""How much larger the second pass works when the first finds nothing: it finds faces half as large."""

NESTED_SHARE = 0.8
"""A window of which this share lies inside a better one shows the same face at another scale."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for. Sizes are in pixels of the original picture, `working_side_px` in those of the working copy.

    least_share: faces smaller than this share of the largest may be left out.
    """

    min_confidence: float = 0.5
    iou_threshold: float = 0.4
    max_faces: int = 50
    min_face_px: int = 80
    working_side_px: int = WORKING_SIDE_PX
    least_share: float = 0.0

    @classmethod
    def of(cls, request: AnalysisRequest) -> "Search":
        return cls(
            request.min_confidence,
            request.iou_threshold,
            request.max_faces,
            request.min_face_px,
            least_share=request.least_share,
        )


class Detector(Protocol):
    """Finds faces. `name` is what `AnalysisRequest.detector` calls it."""

    @property
    def name(self) -> str: ...

    @property
    def smallest_face_px(self) -> float:
        """The smallest face it finds, in pixels of its working copy."""
        ...

    def load(self) -> None:
        """Bring the weights into memory now, instead of at the first picture."""
        ...

    def detect(self, image: Image, search: Search) -> tuple[Face, ...]:
        """Return the faces, the largest first, at most `search.max_faces`; coordinates in pixels of `image`."""
        ...


def working_copy(image: Image, search: Search, smallest_face_px: float) -> tuple[Pixels, float]:
    """Return the pixels a detector works on, and how many of them there are to one pixel of `image`.

    `smallest_face_px` is the smallest face the detector can find in its input: the copy is scaled so that a face of
    `search.min_face_px` has this size, but never beyond a longest side of `search.working_side_px`.
    """
    factor = smallest_face_px / (search.min_face_px * image.scale)
    factor = min(factor, search.working_side_px / max(image.height, image.width))
    return _resized(image.pixels, factor), factor


def _resized(pixels: Pixels, factor: float) -> Pixels:
    """Shrink by a whole number first: OpenCV's area filter is four times as fast for those on a 12-megapixel photo."""
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    pixels = shrunk(pixels, int(1 / factor))
    if size == (pixels.shape[1], pixels.shape[0]):
        return np.ascontiguousarray(pixels)
    interpolation = cv2.INTER_AREA if size[0] < pixels.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)


def shrunk(pixels: Pixels, times: int) -> Pixels:
    """Return the pixels at one `times`-th of their size, each the mean of the ones it stands for.

    What is left over at the right and at the bottom is cut off. The same pixels for `times` under 2.
    """
    if times < 2:
        return pixels
    columns, rows = max(1, pixels.shape[1] // times), max(1, pixels.shape[0] // times)
    even = pixels[: rows * times, : columns * times]
    return np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def largest_first(faces: Sequence[Face], limit: int) -> tuple[Face, ...]:
    """Return at most `limit` faces, by falling area of their boxes."""
    return tuple(sorted(faces, key=lambda face: face.box.width * face.box.height, reverse=True)[:limit])


def without_doubles(boxes: NDArray[np.float64], scores: NDArray[np.float64], iou_threshold: float) -> list[int]:
    """Return the indices that non-maximum suppression keeps, best score first.

    boxes: (n, 4) float64: x, y, width, height. A box falls when its overlap with a better one is over `iou_threshold`
    (intersection over union), or when NESTED_SHARE of the smaller of the two lies in the other.
    """
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if not kept or not _doubles(boxes[index], boxes[kept], iou_threshold):
            kept.append(int(index))
    return kept


def overlaps(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n,): how much of each of `boxes` (n, 4) and of `box` (4,) is common, intersection over union."""
    shared, areas = _shared(box, boxes)
    return np.asarray(shared / np.maximum(box[2] * box[3] + areas - shared, 1e-9), np.float64)


def _doubles(box: NDArray[np.float64], better: NDArray[np.float64], iou_threshold: float) -> bool:
    shared, areas = _shared(box, better)
    nested = shared / np.maximum(np.minimum(box[2] * box[3], areas), 1e-9)
    return bool(np.any((overlaps(box, better) > iou_threshold) | (nested > NESTED_SHARE)))


def _shared(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The common area of `box` with each of `boxes`, and the area of each of those."""
    ends = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    sides = np.clip(ends - np.maximum(box[:2], boxes[:, :2]), 0, None)
    return sides[:, 0] * sides[:, 1], boxes[:, 2] * boxes[:, 3]


def squared(box: Box) -> Box:
    """Return the square of the same centre and of the mean side; dlib's landmarks are trained on squares."""
    side = (box.width + box.height) / 2
    return Box(box.x + (box.width - side) / 2, box.y + (box.height - side) / 2, side, side)


def logistic(value: float) -> float:
    """Map any number to (0, 1), rising; 0 becomes 0.5."""
    return 0.5 * (1 + math.tanh(value / 2))
