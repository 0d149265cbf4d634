"""How good a face is: all that its gate finds wanting, and a forecast of how often it would match as the score."""

import cv2
import numpy as np

from heirloom.media.types import Image
from heirloom.vision import covering, forecast
from heirloom.vision.detection import Pixels, shrunk
from heirloom.vision.gates import PASSING_SCORE, VERIFY, Gate, Measures
from heirloom.vision.pose import pose_of
from heirloom.vision.types import Face, Quality, Template

PATCH_SIDE = 96
"""The face is measured at this size, so that sharpness means the same for a small and a large one."""

PATCH_REACH = 1.1
"""Half the patch, in the larger of eye distance and eye-to-mouth distance: brows to chin, little background."""

COARSE_SIDE = 4 * PATCH_SIDE
"""A large face is first shrunk by a whole number, to no less than this: a third of the time, the same sharpness."""

FINE, COARSE = 2.0, 4.0
"""Gaussians, in pixels of the patch: what the first takes away is fine, what the second takes besides is coarse."""

OVEREXPOSED_LUMA = 250


def assess(image: Image, face: Face, held_to: Gate = VERIFY, template: Template | None = None) -> Quality:
    """Return the face's quality: its score, and the code of every check of the gate that falls short.

    image: in which the face stands upright, if it was turned. template: the face's, where it was made. A check whose
    score is no number is not passed.
    """
    return judged(measure(image, face, template), held_to)


def judged(measures: Measures, held_to: Gate) -> Quality:
    """Return what `assess` does, of what was measured."""
    told = [(check.code, check.score(measures)) for check in held_to.checks]
    scores = [(code, score if np.isfinite(score) else 0.0) for code, score in told if score is not None]
    return Quality(
        score=_score(min(score for _, score in scores), measures.missed),
        sharpness=measures.sharpness,
        brightness=measures.brightness,
        eye_distance_px=measures.eye_distance_px,
        pose=measures.pose,
        reasons=tuple(dict.fromkeys(code for code, score in scores if score < PASSING_SCORE)),
    )


def _score(weakest: float, missed: float | None) -> float:
    """Of what passes, how many of a hundred genuine comparisons are forecast to match; else how far it falls short."""
    if weakest < PASSING_SCORE or missed is None:
        return weakest
    return max(PASSING_SCORE, 100 * (1 - missed))


def measure(image: Image, face: Face, template: Template | None = None) -> Measures:
    """Return what the checks look at."""
    patch = patch_of(image, face)
    sharpness = sharpness_of(patch)
    return Measures(
        eye_distance_px=float(np.linalg.norm(face.points5[1] - face.points5[0])) / image.scale,
        sharpness=sharpness,
        brightness=float(patch.mean()),
        overexposed=float((patch > OVEREXPOSED_LUMA).mean()),
        pose=pose_of(face.points5),
        outside=_outside(image, face),
        disagreement=face.disagreement,
        upright=face.turn == 0,
        covers=covering.look(image, face),
        missed=forecast.missed(face.disagreement, sharpness, template),
    )


def sharpness_of(patch: Pixels) -> float:
    """Return how much finer than coarse the patch's detail is: var(P - G2) / var(G2 - G4), P less its Gaussians of FINE
    and COARSE. Contrast and brightness cancel; noise counts as detail.
    """
    gray = patch.astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(gray, (0, 0), sigma) for sigma in (FINE, COARSE))
    return float((gray - fine).var() / max(float((fine - coarse).var()), 1e-6))


def patch_of(image: Image, face: Face) -> Pixels:
    """Return the face in gray at PATCH_SIDE, cut off at the frame; a uniform patch where it lies outside."""
    points = face.points5
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    reach = PATCH_REACH * max(float(np.linalg.norm(points[1] - points[0])), float(np.linalg.norm(mouth - eyes)), 1.0)
    middle = points.mean(axis=0)
    low = np.maximum(np.round(middle - reach).astype(int), 0)
    high = np.minimum(np.round(middle + reach).astype(int), (image.width, image.height))
    if np.any(high <= low):
        return np.zeros((PATCH_SIDE, PATCH_SIDE), np.uint8)
    region = image.pixels[low[1] : high[1], low[0] : high[0]]
    region = shrunk(region, min(region.shape[:2]) // COARSE_SIDE)
    interpolation = cv2.INTER_AREA if min(region.shape[:2]) >= PATCH_SIDE else cv2.INTER_LINEAR
    small = cv2.resize(region, (PATCH_SIDE, PATCH_SIDE), interpolation=interpolation)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _outside(image: Image, face: Face) -> float:
    """The share of landmarks beyond the frame; where a pack has only five, the share of the box."""
    if face.points68 is not None:
        beyond = (face.points68 < 0) | (face.points68 >= (image.width, image.height))
        return float(beyond.any(axis=1).mean())
    box = face.box
    width = min(box.x + box.width, image.width) - max(box.x, 0)
    height = min(box.y + box.height, image.height) - max(box.y, 0)
    return 1 - max(width, 0) * max(height, 0) / max(box.width * box.height, 1e-9)
