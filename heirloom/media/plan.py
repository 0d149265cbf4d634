"""Which frames of a clip to take, decided before any is decoded. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from heirloom.media.types import ClipFacts

FEWEST_KEYFRAMES = 5
"""With fewer, a clip has too few different views to weigh, and the frames between are decoded as well."""
LARGEST_GAP_S = 2.5
KEYFRAMES_PER_FRAME = 4
"""Keyframes to pass for each one taken, beyond which seeking to those taken costs less than decoding all (measured)."""
LONGEST_FULL_PASS_S = 60.0
"""Clips beyond this are read at their keyframes, however far apart those are, as long as there are a few."""

LEAST_SEEN = 0.3
"""Of a clip whose keyframes are far apart so much is decoded at least, in stretches that begin at keyframes."""
LONGEST_LEAPS = (2, 1.75, 1.5, 1.25, 1)
"""The most that is left out before a keyframe, in even parts of the clip; the first of these that leaves LEAST_SEEN and
no larger gap between frames than keyframes alone may leave."""


class Reading(StrEnum):
    """How the frames are come by, cheapest first."""

    KEYFRAMES = "keyframes"  # one pass over the keyframes alone
    SEEKS = "seeks"  # a seek to each keyframe taken
    REFERENCES = "references"  # one pass, leaving out the frames no other needs, and leaping to keyframes
    EVERY = "every"  # one pass over all


@dataclass(frozen=True, slots=True)
class FramePlan:
    """times_s: where frames are wanted, in order; exact for keyframes, else the first frame at or after each.

    leaps_s: keyframes at which decoding goes on once all that is wanted before them is there.
    """

    reading: Reading
    times_s: tuple[float, ...]
    leaps_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a clip: its plan, what brings its frames upright, and their upright size in pixels."""

    container: str
    reading: str
    times_s: tuple[float, ...]
    leaps_s: tuple[float, ...]
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
    if facts.frames_per_s * facts.duration_s < 4 * count:
        return FramePlan(Reading.EVERY, spread)
    return _with_leaps(facts, count) or FramePlan(Reading.REFERENCES, spread)


def _with_leaps(facts: ClipFacts, count: int) -> FramePlan | None:
    """Return a plan that decodes a stretch from each keyframe on and leaps to the next; None where that saves nothing.

    What the leaps leave out can approve nobody: only frames that were seen count.
    """
    for parts in LONGEST_LEAPS:
        pieces = _pieces(facts, parts * facts.duration_s / count)
        seen_s = sum(stop - start for start, stop in pieces)
        fixed = [start for start, _ in pieces[1:]]
        if seen_s >= LEAST_SEEN * facts.duration_s and len(fixed) < count and fixed:
            times_s = tuple(sorted({*fixed, *_along(pieces, seen_s, count - len(fixed))}))
            if _gap_s(facts, times_s) <= _largest_gap_s(facts, count):
                return FramePlan(Reading.REFERENCES, times_s, tuple(fixed))
    return None


def _pieces(facts: ClipFacts, leap_s: float) -> list[tuple[float, float]]:
    """Return what is left of a clip when up to leap_s before each keyframe is left out, and half of that at its end."""
    starts = (0.0, *(at_s for at_s in facts.keyframes_at_s if at_s > 0))
    pieces = [(start, max(start, end - leap_s)) for start, end in pairwise(starts)]
    return [*pieces, (starts[-1], max(starts[-1], facts.duration_s - leap_s / 2))]


def _along(pieces: list[tuple[float, float]], seen_s: float, count: int) -> list[float]:
    """Return `count` times at even distances along the pieces, as if these were one."""
    times: list[float] = []
    before_s, step_s = 0.0, seen_s / count
    for start, stop in pieces:
        while len(times) < count and (at_s := (len(times) + 0.5) * step_s - before_s) <= stop - start:
            times.append(start + at_s)
        before_s += stop - start
    return times


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
    return _gap_s(facts, chosen) <= _largest_gap_s(facts, count)


def _gap_s(facts: ClipFacts, times_s: tuple[float, ...]) -> float:
    """Return the longest time of a clip in which no frame is taken."""
    return max(later - earlier for earlier, later in pairwise((0.0, *times_s, facts.duration_s)))


def _largest_gap_s(facts: ClipFacts, count: int) -> float:
    return max(LARGEST_GAP_S, 2 * facts.duration_s / count)
