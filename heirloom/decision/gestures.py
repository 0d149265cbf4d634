"""Gestures found in how a head moved. Pure; angles in degrees against the person's own look straight ahead.

The thresholds stand between what people do unasked and what they do when asked, measured by `python -m
bench.challenges` (docs/challenges.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from heirloom.vision.motion import Moment

Series = NDArray[np.float64]

TURN_DEG, NOD_DEG = 14.0, 12.0
"""From here on a head is turned, or raised or lowered. Somebody who sits still stays within half of it."""
REST_SHARE = 0.55
"""Below this share of its threshold a gesture is over: a head that comes back never comes back quite."""
HELD_S, EYES_HELD_S = 0.25, 0.5
"""Shorter is a twitch, or the blink that everybody does every few seconds."""
EYES_SHARE = 0.7
"""Eyes under this share of their own openness are closed."""


class Kind(StrEnum):
    """What a person can be asked to do; left and right are the person's own."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    LOOK_UP = "look_up"
    LOOK_DOWN = "look_down"
    CLOSE_EYES = "close_eyes"


@dataclass(frozen=True, slots=True)
class Gesture:
    """One gesture that was seen: past its threshold from reached_s to left_s, at rest again from back_s.

    back_s: None where the clip ends before. peak: the farthest degrees; for eyes, the least share of their openness.
    """

    kind: Kind
    reached_s: float
    left_s: float
    back_s: float | None
    peak: float


@dataclass(frozen=True, slots=True, eq=False)
class Neutral:
    """How somebody looks straight ahead: the medians of the first moments. eyes: None where they were not measured."""

    turn: float
    nod: float
    eyes: float | None
    plane: Series

    @classmethod
    def of(cls, moments: Sequence[Moment]) -> "Neutral":
        eyes = [each.eyes for each in moments if each.eyes is not None]
        return cls(
            float(np.median([each.turn for each in moments])),
            float(np.median([each.nod for each in moments])),
            float(np.median(eyes)) if eyes else None,
            np.asarray(np.median([each.plane for each in moments], axis=0), np.float64),
        )


def find(moments: Sequence[Moment], neutral: Neutral) -> tuple[Gesture, ...]:
    """Return the gestures in order of time; the eyes speak only while the head rests."""
    if not moments:
        return ()
    times = np.array([each.at_s for each in moments])
    turn = smooth(np.array([each.turn for each in moments]) - neutral.turn)
    nod = smooth(np.array([each.nod for each in moments]) - neutral.nod)
    reach = np.maximum(np.abs(turn) / TURN_DEG, np.abs(nod) / NOD_DEG)

    def head(start: int, end: int) -> tuple[Kind, float]:
        at = start + int(np.argmax(reach[start:end]))
        if abs(turn[at]) / TURN_DEG >= abs(nod[at]) / NOD_DEG:
            return (Kind.TURN_LEFT if turn[at] > 0 else Kind.TURN_RIGHT), float(turn[at])
        return (Kind.LOOK_UP if nod[at] > 0 else Kind.LOOK_DOWN), float(nod[at])

    found = _spells(times, reach, REST_SHARE, HELD_S, head)
    if neutral.eyes:
        found += _closings(moments, times, reach, neutral.eyes)
    return tuple(sorted(found, key=lambda each: each.reached_s))


def smooth(values: Series) -> Series:
    """Return the running median of three: one frame whose landmarks slipped is no movement."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0), np.float64)


def _closings(moments: Sequence[Moment], times: Series, reach: Series, openness: float) -> list[Gesture]:
    share = smooth(np.array([openness if each.eyes is None else each.eyes for each in moments]) / openness)
    # 1 at the threshold, rising as the eyes close; of a head that is not at rest the lids say nothing.
    closed = np.where(reach < REST_SHARE, np.clip((1 - share) / (1 - EYES_SHARE), 0, None), 0.0)
    return _spells(
        times, closed, REST_SHARE, EYES_HELD_S, lambda start, end: (Kind.CLOSE_EYES, float(share[start:end].min()))
    )


def _spells(
    times: Series, reach: Series, rest: float, held_s: float, describe: Callable[[int, int], tuple[Kind, float]]
) -> list[Gesture]:
    """Return a gesture for each spell from reach 1 until it is under `rest`, if it stayed over 1 for `held_s`."""
    found: list[Gesture] = []
    at = 0
    while at < len(times):
        if reach[at] < 1:
            at += 1
            continue
        back = next((k for k in range(at, len(times)) if reach[k] < rest), None)
        end = len(times) if back is None else back
        over = [k for k in range(at, end) if reach[k] >= 1]
        if times[over[-1]] - times[over[0]] >= held_s:
            kind, peak = describe(at, end)
            back_s = None if back is None else float(times[back])
            found.append(Gesture(kind, float(times[at]), float(times[over[-1]]), back_s, peak))
        at = end
    return found
