"""How a face moves from frame to frame: what a head does and a flat picture of one cannot. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from heirloom.media.types import Image
from heirloom.vision.landmarks import LEFT_EYE, RIGHT_EYE
from heirloom.vision.pose import MODEL_POINTS
from heirloom.vision.tracking import Sighting
from heirloom.vision.types import Floats

Matrix = NDArray[np.float64]

THUMBNAIL_PX = 48
"""Frames are told apart at this size, where a sensor's noise and a codec's blocks have been averaged away."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What one frame says of the head.

    turn, nod: degrees, by how far the nose stands out to the image's right and upwards. Under any affine change of the
    picture (a photo tilted, turned, stretched) they stay what they are, so they speak of depth alone.
    plane: (2, 2) float64, pixels of the image to one mm right and down in the plane of eyes and mouth.
    eyes: height over width of the two eyes, the mean; None where there are no 68 landmarks.
    """

    at_s: float
    turn: float
    nod: float
    plane: Matrix
    eyes: float | None

    @classmethod
    def of(cls, sighting: Sighting) -> Self:
        face = sighting.observation.face
        eyes = None if face.points68 is None else eye_openness(face.points68)
        return cls.seen(sighting.at_s, face.points5, eyes)

    @classmethod
    def seen(cls, at_s: float, points5: Floats, eyes: float | None) -> Self:
        """Measure a face by its five points."""
        plane, out = _camera(points5)
        across, down = np.degrees(np.arctan(np.linalg.pinv(plane) @ out))
        return cls(at_s, float(across), -float(down), plane, eyes)

    def foreshortening(self, neutral: Matrix) -> float:
        """Return how much narrower the face's plane is one way than the other, against the plane it is compared with.

        1 for the same shape at any size and roll; the cosine of the angle by which a plane was turned away.
        """
        widths = np.linalg.svd(self.plane @ np.linalg.pinv(neutral), compute_uv=False)
        return float(widths[1] / max(float(widths[0]), 1e-9))


def eye_openness(points68: Floats) -> float:
    """Return the mean height over width of both eyes (the eye aspect ratio of Soukupová and Čech, 2016)."""
    ratios = []
    for eye in (points68[LEFT_EYE], points68[RIGHT_EYE]):
        heights = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
        ratios.append(heights / max(2 * float(np.linalg.norm(eye[0] - eye[3])), 1e-6))
    return float(np.mean(ratios))


@dataclass(frozen=True, slots=True)
class Change:
    """How much a frame differs from the one before: the mean of the whole picture in gray levels, light taken out."""

    at_s: float
    levels: float


class Changes:
    """The changes of a clip, taken down as its frames pass by. found: one for each frame but the first."""

    def __init__(self) -> None:
        self.found: list[Change] = []
        self._before: Matrix | None = None

    def noting(self, images: Iterable[Image]) -> Iterator[Image]:
        """Pass the images on."""
        for image in images:
            now = _thumbnail(image)
            if self._before is not None:
                self.found.append(Change(image.at_s or 0.0, float(np.abs(now - self._before).mean())))
            self._before = now
            yield image


def _camera(points5: Floats) -> tuple[Matrix, Matrix]:
    """Return the affine camera that best explains the points: (2, 2) of the face's plane, (2,) of what stands out.

    POS (DeMenthon and Davis, 1995) before anything is made orthonormal: what orthonormality would hide is wanted here.
    """
    model = MODEL_POINTS - MODEL_POINTS.mean(axis=0)
    rows, *_ = np.linalg.lstsq(model, (points5 - points5.mean(axis=0)).astype(np.float64), rcond=None)
    return np.asarray(rows[:2].T, np.float64), np.asarray(rows[2], np.float64)


def _thumbnail(image: Image) -> Matrix:
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    gray = cv2.cvtColor(cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return np.asarray(gray.astype(np.float64) - float(gray.mean()), np.float64)
