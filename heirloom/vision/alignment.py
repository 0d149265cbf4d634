"""From a face in a picture to the small upright chip a recogniser was trained on."""

import math
from typing import Any

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from heirloom.vision.detection import Pixels
from heirloom.vision.types import Floats

ARCFACE_SIDE = 112
ARCFACE_POINTS = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)], np.float32
)
"""Where eyes, nose tip and mouth corners lie in a 112x112 chip (Deng et al., ArcFace, 2019)."""

DLIB_SIDE = 150

_HALVING_SHIFT = np.array((-0.25, 0.25))
"""dlib's `pyramid_down<2>` moves points by this much at each halving; its descriptor was trained on chips cut so."""

_BORDER = 4
"""Pixels left around a region before halving, so that the filter does not reach its edge."""


def arcface_chip(pixels: Pixels, points5: Floats, side: int = ARCFACE_SIDE) -> Pixels:
    """Return a (side, side, 3) chip: the similarity transform that brings the five points nearest to ARCFACE_POINTS."""
    target = ARCFACE_POINTS * (side / ARCFACE_SIDE)
    matrix = similarity(points5.astype(np.float64), target.astype(np.float64))
    return _warped(pixels, matrix, side)


def dlib_chips(pixels: Pixels, shape5: Any, paddings: tuple[float, ...]) -> Pixels:
    """Return (len(paddings), 150, 150, 3) chips as `dlib.get_face_chip(pixels, shape5, 150, padding)` cuts them.

    One halved copy of the region serves every padding, which dlib would make anew each time.
    """
    squares = [_corners(dlib.get_face_chip_details(shape5, DLIB_SIDE, padding)) for padding in paddings]
    halvings = [_halvings(square) for square in squares]
    region, origin = _region(pixels, np.concatenate(squares), _BORDER << max(halvings))
    pyramid = [region]
    for _ in range(max(halvings)):
        pyramid.append(np.asarray(cv2.pyrDown(pyramid[-1]), np.uint8))
    last = DLIB_SIDE - 1
    target = np.array([(0, 0), (last, 0), (0, last)], np.float32)
    chips = []
    for square, times in zip(squares, halvings, strict=True):
        inside = _halved(square[:3] - origin, times).astype(np.float32)
        chips.append(_warped(pyramid[times], cv2.getAffineTransform(inside, target), DLIB_SIDE))
    return np.stack(chips)


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (2, 3) rotation, scale and shift that maps source points nearest to target (Umeyama, 1991)."""
    middle, goal = source.mean(axis=0), target.mean(axis=0)
    a, b = source - middle, target - goal
    left, strengths, right = np.linalg.svd(b.T @ a / len(source))
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = left @ np.diag(signs) @ right
    scale = float((strengths * signs).sum() / a.var(axis=0).sum())
    return np.hstack([scale * rotation, (goal - scale * rotation @ middle)[:, None]])


def _corners(details: Any) -> NDArray[np.float64]:
    """(4, 2): top left, top right, bottom left and bottom right of the rotated square in the picture."""
    rect, cosine, sine = details.rect, math.cos(details.angle), math.sin(details.angle)
    middle = np.array([(rect.left() + rect.right()) / 2, (rect.top() + rect.bottom()) / 2])
    ends = [(x, y) for y in (rect.top(), rect.bottom()) for x in (rect.left(), rect.right())]
    turned = (np.array(ends) - middle) @ np.array([(cosine, sine), (-sine, cosine)])
    return np.asarray(turned + middle, np.float64)


def _halvings(square: NDArray[np.float64]) -> int:
    """How often dlib halves the picture first: until the square is under twice a chip's side."""
    side = float(np.linalg.norm(square[1] - square[0]))
    return max(0, math.ceil(math.log2(side / DLIB_SIDE)) - 1)


def _region(pixels: Pixels, corners: NDArray[np.float64], border: int) -> tuple[Pixels, NDArray[np.float64]]:
    """The part of the picture under all corners, never empty, and its top left corner."""
    size = np.array((pixels.shape[1], pixels.shape[0]))
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - border, 0, size - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + border + 1, low + 1, size)
    return pixels[low[1] : high[1], low[0] : high[0]], low.astype(np.float64)


def _halved(points: NDArray[np.float64], times: int) -> NDArray[np.float64]:
    for _ in range(times):
        points = points / 2 + _HALVING_SHIFT
    return points


def _warped(pixels: Pixels, matrix: NDArray[Any], side: int) -> Pixels:
    return np.asarray(cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
