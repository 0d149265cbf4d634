"""What hides part of a face, as far as pixels and landmarks show it: lids, dark lenses, cloth over the mouth. Pure.

Each is told against the same face elsewhere, so that the color of skin and of light cancel. What has the color of skin,
lets the eyes through or leaves eyes and mouth free (a clear visor, a hand, a cap, a scarf under the chin) is not seen.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from heirloom.media.types import Image
from heirloom.vision.alignment import ARCFACE_SIDE, arcface_chip
from heirloom.vision.landmarks import LEFT_EYE, RIGHT_EYE
from heirloom.vision.types import Covers, Face, Floats

Mask = NDArray[np.bool_]

LEAST_CHROMA = 6.0
"""Skin that shows less color than this (CIELAB) is that of a gray photo, and no cloth differs from it."""


def look(image: Image, face: Face) -> Covers:
    """Return what hides part of a face that stands upright in its picture."""
    chip = arcface_chip(image.pixels, face.points5)
    lab = cv2.cvtColor(chip.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lightness, color = lab[..., 0], lab[..., 1:]
    cheeks = max(float(np.median(lightness[_CHEEKS])), 1.0)
    bridge, mouth = color[_BRIDGE].mean(axis=0), color[_MOUTH].mean(axis=0)
    chroma = float(np.hypot(*bridge))
    return Covers(
        lids=None if face.points68 is None else max(_openness(face.points68[eye]) for eye in (LEFT_EYE, RIGHT_EYE)),
        lenses=max(float(np.percentile(lightness[eye], 90)) for eye in _EYES) / cheeks,
        skin_at_mouth=float(mouth @ bridge) / chroma**2 if chroma >= LEAST_CHROMA else None,
    )


def _openness(eye: Floats) -> float:
    """Return the eye aspect ratio (Soukupova and Cech, "Real-Time Eye Blink Detection", 2016)."""
    heights = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    return float(heights / 2 / max(float(np.linalg.norm(eye[0] - eye[3])), 1e-6))


def _ellipse(x: float, y: float, across: float, down: float) -> Mask:
    rows, columns = np.mgrid[:ARCFACE_SIDE, :ARCFACE_SIDE]
    return np.asarray(((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 <= 1)


# Where these lie in a chip aligned to ARCFACE_POINTS, in its pixels.
_EYES = _ellipse(38.3, 51.6, 11, 7), _ellipse(73.5, 51.6, 11, 7)
_CHEEKS = _ellipse(38, 70, 6, 5) | _ellipse(74, 70, 6, 5)
_BRIDGE, _MOUTH = _ellipse(56, 54, 4, 9), _ellipse(56, 92, 15, 9)
