"""What stands around every head: the canvas it is shown, and faces from its (n, 15) rows."""

import cv2
import numpy as np

from heirloom.vision.batching import side_of
from heirloom.vision.detection import Pixels
from heirloom.vision.packs.heads import Doubles, Head, Size
from heirloom.vision.types import Box, Face

LOWEST_CONFIDENCE = 0.05
"""However little confidence is asked for, what scores less is background."""


def canvas_size(pixels: Pixels, multiple: int, *, few: bool) -> Size:
    """Return the size of a canvas that holds the pixels, its sides multiples of `multiple`; few: one of a few sizes."""
    height, width = pixels.shape[:2]
    if few:
        side = side_of(max(height, width))
        return side, side
    return -(-height // multiple) * multiple, -(-width // multiple) * multiple


def on_canvas(pixels: Pixels, head: Head, size: Size) -> tuple[Pixels, Doubles]:
    """Return the pixels on the canvas that the head expects, and (2,) where their top left corner lies on it."""
    more = size[0] - pixels.shape[0], size[1] - pixels.shape[1]
    top, left = (more[0] // 2, more[1] // 2) if head.centred else (0, 0)
    edges = top, more[0] - top, left, more[1] - left
    canvas = cv2.copyMakeBorder(pixels, *edges, cv2.BORDER_CONSTANT, value=(head.fill,) * 3)
    return np.asarray(canvas, np.uint8), np.array([left, top], np.float64)


def moved(rows: Doubles, factor: float, origin: Doubles) -> Doubles:
    """Return rows of a copy's pixels in pixels of the picture.

    factor: pixels of the copy to one of the picture. origin: (2,), where the middle of the copy's first pixel lies.
    """
    result = rows.copy()
    result[..., :14] /= factor
    result[..., 0] += origin[0]
    result[..., 1] += origin[1]
    result[..., 4:14:2] += origin[0]
    result[..., 5:14:2] += origin[1]
    return result


def face_of(row: Doubles, confidence: float) -> Face:
    """Return the face that one row shows."""
    points = row[4:14].reshape(5, 2).astype(np.float32)
    return Face(Box(*row[:4].tolist()), float(np.clip(confidence, 0.0, 1.0)), points)
