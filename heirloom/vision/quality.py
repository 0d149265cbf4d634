"""Whether a face is good enough to compare: small checks, each with a code, all failures collected.

The limits were set on 153 press photos of LFW (250x250, 40 px between the eyes) so that ordinary photos pass: 146 of
another 153 do; nearly all of the rest are turned away.
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from heirloom.media.types import Image
from heirloom.vision.detection import Pixels, shrunk
from heirloom.vision.pose import pose_of
from heirloom.vision.types import Face, Pose, Quality

PATCH_SIDE = 96
"""The face is measured at this size, so that sharpness means the same for a small and a large one."""

PATCH_REACH = 1.1
"""Half the patch, in the larger of eye distance and eye-to-mouth distance: brows to chin, little background."""

COARSE_SIDE = 4 * PATCH_SIDE
"""A large face is first shrunk by a whole number, to no less than this: a third of the time, the same sharpness."""

OVEREXPOSED_LUMA = 250
PASSING_SCORE = 40.0
"""What a check gives exactly at its limit; so a score is under this exactly when some check falls short."""


@dataclass(frozen=True, slots=True)
class Measures:
    """eye_distance_px: in the original picture. sharpness: variance of the Laplacian of the patch. brightness: mean
    luma, 0..255. overexposed, outside: shares, 0..1, of the patch's pixels and of the landmarks beyond the frame.
    disagreement: of two landmark models about an eye, in eye distances; None where one model placed all. upright: that
    the face stands so was proved."""

    eye_distance_px: float
    sharpness: float
    brightness: float
    overexposed: float
    pose: Pose
    outside: float
    disagreement: float | None
    upright: bool


class Check(Protocol):
    """One thing that can fall short. `score` is 0..100 and under PASSING_SCORE exactly when it does.

    None where there is nothing to look at: it then neither passes nor fails.
    """

    @property
    def code(self) -> str: ...

    def score(self, measures: Measures) -> float | None: ...


@dataclass(frozen=True, slots=True)
class EyeDistance:
    """LFW: 1st percentile 30 px, median 40 px. ISO/IEC 19794-5 asks for 90 px in documents, here full marks."""

    code: str = "face_too_small"
    limit_px: float = 28.0
    ideal_px: float = 90.0

    def score(self, measures: Measures) -> float:
        return _rising(measures.eye_distance_px, self.limit_px, self.ideal_px)


@dataclass(frozen=True, slots=True)
class Sharpness:
    """LFW: 1st percentile 29, median 110. The same photos under a Gaussian blur of 2 px: median 14, 95th 25."""

    code: str = "blurred"
    limit: float = 28.0
    ideal: float = 200.0

    def score(self, measures: Measures) -> float:
        return _rising(measures.sharpness, self.limit, self.ideal)


@dataclass(frozen=True, slots=True)
class Darkness:
    """LFW: lowest 58, median 124. The limit is well below the lowest, so that dark skin in even light passes."""

    code: str = "too_dark"
    limit_luma: float = 40.0
    ideal_luma: float = 70.0

    def score(self, measures: Measures) -> float:
        return _rising(measures.brightness, self.limit_luma, self.ideal_luma)


@dataclass(frozen=True, slots=True)
class Brightness:
    """LFW: highest mean 174, highest overexposed share 2 %."""

    code: str = "too_bright"
    limit_luma: float = 222.0
    ideal_luma: float = 200.0
    limit_share: float = 0.25
    ideal_share: float = 0.05

    def score(self, measures: Measures) -> float:
        luma = _rising(-measures.brightness, -self.limit_luma, -self.ideal_luma)
        return min(luma, _rising(-measures.overexposed, -self.limit_share, -self.ideal_share))


@dataclass(frozen=True, slots=True)
class Turn:
    """LFW: 98 % lie within 38 degrees of yaw and 31 of pitch, as measured here."""

    code: str = "face_turned"
    limit_yaw: float = 40.0
    limit_pitch: float = 36.0
    limit_roll: float = 40.0
    ideal_share: float = 0.25

    def score(self, measures: Measures) -> float:
        pose = measures.pose
        turns = abs(pose.yaw) / self.limit_yaw, abs(pose.pitch) / self.limit_pitch, abs(pose.roll) / self.limit_roll
        return _rising(-max(turns), -1.0, -self.ideal_share)


@dataclass(frozen=True, slots=True)
class Upright:
    """Whatever else is measured rests on where the landmarks lie; that they do not stand on their head was proved apart
    from them (`vision.uprightness`), or the face counts as turned."""

    code: str = "face_turned"

    def score(self, measures: Measures) -> float:
        return 100.0 if measures.upright else 0.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """Landmarks that two models place differently are wrong: the head is in profile, sideways or upside down.

    It can only accuse: points of one model alone disagree with nothing, and Upright has to vouch for them. The engine
    asks a second model wherever a detector brings but one: YuNet's points stand too upright on a head that is rolled
    by 30 degrees, and strangers so misaligned are alike (docs/models/turned.md).
    LFW: median 0.02, 99th percentile 0.19, highest 0.20; profiles 0.5 and more; half of LFW turned sideways over 0.25.
    """

    code: str = "face_turned"
    limit: float = 0.22
    ideal: float = 0.10

    def score(self, measures: Measures) -> float | None:
        if measures.disagreement is None:
            return None
        return _rising(-measures.disagreement, -self.limit, -self.ideal)


@dataclass(frozen=True, slots=True)
class Occlusion:
    """Landmarks beyond the frame. A mask or a hand moves no landmark out of the frame and is not seen by this check."""

    code: str = "face_occluded"
    limit_share: float = 0.10

    def score(self, measures: Measures) -> float:
        return _rising(-measures.outside, -self.limit_share, 0.0)


CHECKS: tuple[Check, ...] = (
    EyeDistance(),
    Sharpness(),
    Darkness(),
    Brightness(),
    Upright(),
    Turn(),
    Agreement(),
    Occlusion(),
)


def assess(image: Image, face: Face, checks: tuple[Check, ...] = CHECKS) -> Quality:
    """Return the face's quality: the score of its weakest check, and the code of every check that falls short.

    image: in which the face stands upright, if it was turned. A score that is no number passes nothing.
    """
    measures = measure(image, face)
    told = [(check.code, check.score(measures)) for check in checks]
    scores = [(code, score if np.isfinite(score) else 0.0) for code, score in told if score is not None]
    return Quality(
        score=min(score for _, score in scores),
        sharpness=measures.sharpness,
        brightness=measures.brightness,
        eye_distance_px=measures.eye_distance_px,
        pose=measures.pose,
        reasons=tuple(dict.fromkeys(code for code, score in scores if score < PASSING_SCORE)),
    )


def measure(image: Image, face: Face) -> Measures:
    """Return what the checks look at."""
    patch = _patch(image, face)
    return Measures(
        eye_distance_px=float(np.linalg.norm(face.points5[1] - face.points5[0])) / image.scale,
        sharpness=float(cv2.Laplacian(patch.astype(np.float32), cv2.CV_32F).var()),
        brightness=float(patch.mean()),
        overexposed=float((patch > OVEREXPOSED_LUMA).mean()),
        pose=pose_of(face.points5),
        outside=_outside(image, face),
        disagreement=face.disagreement,
        upright=face.turn == 0,
    )


def _patch(image: Image, face: Face) -> Pixels:
    """The face in gray at PATCH_SIDE, cut off at the frame; a uniform patch where it lies outside."""
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


def _rising(value: float, limit: float, ideal: float) -> float:
    """0..100: PASSING_SCORE at `limit`, 100 from `ideal` on, falling at the same pace below the limit."""
    pace = (100 - PASSING_SCORE) / (ideal - limit)
    return float(np.clip(PASSING_SCORE + (value - limit) * pace, 0.0, 100.0))
