"""What a picture is held to: small checks, each with a code. Pure, and without a picture at hand.

A probe is compared once and may be taken again; a reference is compared with for years. What each check buys, what it
refuses of 3,825 press photos (LFW: 250x250, 40 px between the eyes) and of photos made worse was measured by
`python -m bench.studies.discard` (docs/models/quality.md).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from heirloom.vision.types import Covers, Pose

PASSING_SCORE = 40.0
"""What a check gives exactly at its limit; so a score is under this exactly when some check falls short."""


@dataclass(frozen=True, slots=True)
class Measures:
    """eye_distance_px: in the original picture. sharpness: as `sharpness_of` a patch. brightness: mean luma, 0..255.
    overexposed, outside: shares, 0..1, of the patch's pixels and of the landmarks beyond the frame. disagreement: of
    two landmark models about an eye, in eye distances; None where one model placed all. upright: that the face stands
    so was proved. covers: what hides part of the face. missed: the forecast of a false non-match, 0..1; None where
    there is none.
    """

    eye_distance_px: float
    sharpness: float
    brightness: float
    overexposed: float
    pose: Pose
    outside: float
    disagreement: float | None
    upright: bool
    covers: Covers
    missed: float | None


class Check(Protocol):
    """One thing that can fall short. `score` is 0..100 and under PASSING_SCORE exactly when it does.

    None where there is nothing to look at: it then neither passes nor fails.
    """

    @property
    def code(self) -> str: ...

    def score(self, measures: Measures) -> float | None: ...


@dataclass(frozen=True, slots=True)
class EyeDistance:
    """LFW: lowest 24 px, 1st percentile 31, median 41. ISO/IEC 19794-5 asks for 90 px in documents, here full marks."""

    code: str = "face_too_small"
    limit_px: float = 24.0
    ideal_px: float = 90.0

    def score(self, measures: Measures) -> float:
        return _rising(measures.eye_distance_px, self.limit_px, self.ideal_px)


@dataclass(frozen=True, slots=True)
class Sharpness:
    """LFW: half a percent under 0.61, 1st percentile 0.66, median 1.14; under a blur of 2 px median 0.47, 95th 0.60.
    Contrast cancels: the same photos at a third of the light keep their numbers.
    """

    code: str = "blurred"
    limit: float = 0.60
    ideal: float = 1.20

    def score(self, measures: Measures) -> float:
        return _rising(measures.sharpness, self.limit, self.ideal)


@dataclass(frozen=True, slots=True)
class Darkness:
    """LFW: lowest 52, median 124. The limits are well below the lowest, so that dark skin in even light passes. How
    often strangers match in such light is not measured on photos enough to say (docs/models/conditions.md).
    """

    code: str = "too_dark"
    limit_luma: float = 30.0
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
    """LFW: 98 % lie within 38 degrees of yaw and 31 of pitch, as measured here; 2 % more within the limits."""

    code: str = "face_turned"
    limit_yaw: float = 50.0
    limit_pitch: float = 45.0
    limit_roll: float = 45.0
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


@dataclass(frozen=True, slots=True)
class EyesShut:
    """By the 68 landmarks, which follow lids loosely: the limit is so low that laughing and narrow eyes pass, with some
    that are shut. LFW: median 0.31, 1st percentile 0.15, 4 of 3,825 under the limit.
    """

    code: str = "eyes_closed"
    limit: float = 0.10
    ideal: float = 0.20

    def score(self, measures: Measures) -> float | None:
        lids = measures.covers.lids
        return None if lids is None else _rising(lids, self.limit, self.ideal)


@dataclass(frozen=True, slots=True)
class Lenses:
    """Eyes far darker than the cheeks, to their brightest spot: sunglasses, or deep shade. LFW: median 0.95; under the
    limit lie 17 of 3,825, nearly all of them in sunglasses.
    """

    code: str = "eyes_covered"
    limit: float = 0.40
    ideal: float = 0.70

    def score(self, measures: Measures) -> float:
        return _rising(measures.covers.lenses, self.limit, self.ideal)


@dataclass(frozen=True, slots=True)
class Cloth:
    """A mouth of another color than the bridge of the nose: a mask, unless it is skin-colored or the photo gray.
    LFW: median 0.91; under the limit lies 1 of 3,825, behind somebody's arm.
    """

    code: str = "mouth_covered"
    limit: float = 0.15
    ideal: float = 0.50

    def score(self, measures: Measures) -> float | None:
        skin = measures.covers.skin_at_mouth
        return None if skin is None else _rising(skin, self.limit, self.ideal)


@dataclass(frozen=True, slots=True)
class Recognizable:
    """A reference that is forecast to be missed so often is better taken again."""

    code: str = "low_quality"
    limit: float = 0.45
    ideal: float = 0.10

    def score(self, measures: Measures) -> float | None:
        return None if measures.missed is None else _rising(-measures.missed, -self.limit, -self.ideal)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a picture is held to. bystander: how prominent another face may be, against the one that it is of."""

    name: str
    checks: tuple[Check, ...]
    bystander: float


_ALWAYS: tuple[Check, ...] = (Brightness(), Upright(), Agreement(), Occlusion())

VERIFY = Gate("verify", (EyeDistance(), Sharpness(), Darkness(), Turn(), *_ALWAYS), bystander=0.5)
"""For what is compared once: it refuses what misleads or cannot be recognized, and leaves the rest to the score."""

ENROLL = Gate(
    "enroll",
    (
        EyeDistance(limit_px=28.0),
        Sharpness(limit=0.65),
        Darkness(limit_luma=40.0),
        Turn(limit_yaw=40.0, limit_pitch=36.0, limit_roll=40.0),
        *_ALWAYS,
        EyesShut(),
        Lenses(),
        Cloth(),
        Recognizable(),
    ),
    bystander=0.1,
)
"""For what everything later is compared with: one face, alone but for somebody tiny in the background, and bare."""

GATES = {each.name: each for each in (VERIFY, ENROLL)}


def gate_of(name: str) -> Gate:
    """Return the gate of this name. Raises ValueError where there is none."""
    if name not in GATES:
        raise ValueError(f"a gate is one of {sorted(GATES)}, got {name!r}")
    return GATES[name]


def _rising(value: float, limit: float, ideal: float) -> float:
    """0..100: PASSING_SCORE at `limit`, 100 from `ideal` on, falling at the same pace below the limit."""
    pace = (100 - PASSING_SCORE) / (ideal - limit)
    return float(np.clip(PASSING_SCORE + (value - limit) * pace, 0.0, 100.0))
