"""Which frames of a clip to take, decided before any is decoded. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from heirloom.media.types import ClipFacts

FEWEST_KEYFRAMES = 5
"""With fewer, a clip has too few different views to weigh, and the frames between are decoded as well."""
LARGEST_GAP_S = 2.5
KEYFRAMES_PER_FRAME = 4
"""Keyframes to pass for each one taken, beyond which seeking to those taken costs less than decoding all (measured)."""
LONGEST_FULL_PASS_S = 60.0
"""Clips beyond this are read at their keyframes, however far apart those are, as long as there are a few."""


class Reading(StrEnum):
    """How the frames are come by, cheapest first."""

    KEYFRAMES = "keyframes"  # one pass over the keyframes alone
    SEEKS = "seeks"  # a seek to each keyframe taken
    REFERENCES = "references"  # one pass, leaving out the frames no other needs
    EVERY = "every"  # one pass over all


@dataclass(frozen=True, slots=True)
class FramePlan:
    """times_s: where frames are wanted, in order; exact for keyframes, else the first frame at or after each."""

    reading: Reading
    times_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a clip: its plan, what brings its frames upright, and their upright size in pixels."""

    container: str
    reading: str
    times_s: tuple[float, ...]
    rotation: int
    mirrored: bool
    width: int
    height: int


def choose_frames(facts: ClipFacts, count: int, *, evenly: bool = False) -> FramePlan:
    """Return at most `count` frames spread over the clip. Raises ValueError if count is not positive.

    evenly: at even distances, whatever that costs to decode, for who wants to see movement.
    """
    if count < 1:
        raise ValueError(f"count must be positive, got {count}")
    spread = _spread(facts, count)
    if evenly:
        return FramePlan(Reading.EVERY, spread)
    chosen = _nearest(facts.keyframes_at_s, spread)
    if _keyframes_do(facts, chosen, count):
        many = len(facts.keyframes_at_s) > KEYFRAMES_PER_FRAME * count
        return FramePlan(Reading.SEEKS if many else Reading.KEYFRAMES, chosen)
    few = facts.frames_per_s * facts.duration_s < 4 * count
    return FramePlan(Reading.EVERY if few else Reading.REFERENCES, spread)


def _spread(facts: ClipFacts, count: int) -> tuple[float, ...]:
    """Return the starts of `count` even parts of the clip; their middles where frames are dense enough for that."""
    step = facts.duration_s / count
    shift = step / 2 if facts.frames_per_s * step >= 2 else 0.0
    return tuple(shift + index * step for index in range(count))


def _nearest(keyframes_s: tuple[float, ...], wanted_s: tuple[float, ...]) -> tuple[float, ...]:
    if len(keyframes_s) <= len(wanted_s):
        return tuple(sorted(set(keyframes_s)))
    chosen: set[float] = set()
    at = 0
    for time in wanted_s:
        while at + 1 < len(keyframes_s) and abs(keyframes_s[at + 1] - time) <= abs(keyframes_s[at] - time):
            at += 1
        chosen.add(keyframes_s[at])
    return tuple(sorted(chosen))


def _keyframes_do(facts: ClipFacts, chosen: tuple[float, ...], count: int) -> bool:
    if len(chosen) < min(count, FEWEST_KEYFRAMES):
        return False
    if facts.duration_s > LONGEST_FULL_PASS_S or count == 1:
        return True
    ends = (*chosen, facts.duration_s)
    gap_s = max(later - earlier for earlier, later in zip((0.0, *chosen), ends, strict=True))
    return gap_s <= max(LARGEST_GAP_S, 2 * facts.duration_s / count)
