"""A challenge: gestures in a random order, and whether a clip shows just these, in time, on one living head. Pure.

How it is told from a flat picture: `vision.motion` measures how far the nose stands out of the face's plane, which no
tilting, turning or stretching of a photo changes. How it is told from a recording: the order is random.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from heirloom.decision.attack import CHALLENGE
from heirloom.decision.gestures import Gesture, Kind, Neutral, find, smooth
from heirloom.vision.motion import Change, Moment
from heirloom.vision.types import AttackOutcome, AttackSignal

HEAD = (Kind.TURN_LEFT, Kind.TURN_RIGHT, Kind.LOOK_UP, Kind.LOOK_DOWN)
INSTRUCTIONS = {
    Kind.TURN_LEFT: "Turn your head to your left, then look straight ahead again.",
    Kind.TURN_RIGHT: "Turn your head to your right, then look straight ahead again.",
    Kind.LOOK_UP: "Raise your chin, then look straight ahead again.",
    Kind.LOOK_DOWN: "Lower your chin, then look straight ahead again.",
    Kind.CLOSE_EYES: "Close your eyes for one second, then open them again.",
}

LEAD_S, STEP_S = 1.5, 2.5
"""First nothing but a look straight ahead; then a window for each step."""
FEWEST_WAYS, FEWEST_KINDS = 1000, 3
"""So many orders are possible at least: a recording of one challenge fits another one time in as many, or fewer."""
EARLY_S, LATE_S = 0.5, 0.8
"""How long before its window a gesture may begin (a recorder that started late), and after it be over (the slow)."""
RECORDER_S = 0.5
"""How much longer a clip may claim to be than the time there was for it: the last frame's length, a rounded header."""
LONGEST_GAP_S = 0.5
"""A face unseen for longer may have been exchanged. Frames further apart than this show no movement."""
FEWEST_NEUTRAL = 4
CUT_TIMES, CUT_LEVELS = 4.0, 2.0
"""A frame that differs from the one before it so many times more than its neighbors do, and by so many gray levels.

Most places where recordings of one person before one camera were put together show it; recordings that lost a tenth of
their frames do not (docs/challenges.md)."""
CUT_NEIGHBORS = 3
REPEATED, LIVELY = 0.1, 90
"""A frame that changes by less than this share of what the liveliest (a percentile) do is the one before again."""
JUMP_DEG = 35.0
"""Farther than this no head turns from one frame to the next, a tenth or eighth of a second apart."""
FLAT_FORESHORTENING, FLAT_SHARE, FLAT_FRAMES = 0.8, 0.5, 3
"""A face's plane narrowed to this was turned by 37 degrees; a head's nose then stands out as much, a photo's not."""


@dataclass(frozen=True, slots=True)
class Step:
    """One gesture, asked for from `from_s` to `to_s` of the clip."""

    kind: Kind
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """code: of errors.CODES, "" when everything asked for was shown. gestures: all that were seen, in order."""

    outcome: AttackOutcome
    code: str = ""
    gestures: tuple[Gesture, ...] = ()

    @property
    def signal(self) -> AttackSignal:
        return AttackSignal(CHALLENGE, self.outcome, why=self.code)


ATTACKS = frozenset(
    {
        "challenge_recorded_early",
        "challenge_wrong_order",
        "challenge_spliced",
        "challenge_flat",
        "challenge_face_changed",
    }
)
"""Codes of what an honest person hardly ever does. All others say that nothing was proved."""


def failed(code: str, gestures: tuple[Gesture, ...] = ()) -> Verdict:
    """Return the verdict on a clip that does not show what was asked."""
    return Verdict(AttackOutcome.ATTACK if code in ATTACKS else AttackOutcome.INCONCLUSIVE, code, gestures)


def schedule(kinds: Sequence[Kind]) -> tuple[Step, ...]:
    """Return the steps with their windows."""
    starts = [LEAD_S + STEP_S * number for number in range(len(kinds))]
    return tuple(Step(kind, start, start + STEP_S) for kind, start in zip(kinds, starts, strict=True))


def draw(kinds: Collection[Kind], choose: Callable[[Sequence[Kind]], Kind]) -> tuple[Kind, ...]:
    """Return an order of gestures, as many as it takes for FEWEST_WAYS; they may repeat, and one is of the head.

    choose: draws one of several, evenly and unpredictably.
    Raises ValueError for fewer than FEWEST_KINDS different kinds.
    """
    offered = sorted(set(kinds))
    if len(offered) < FEWEST_KINDS:
        raise ValueError(f"a challenge needs {FEWEST_KINDS} kinds, got {len(offered)}")
    while True:
        drawn = tuple(choose(offered) for _ in range(_length(offered)))
        if set(drawn) & set(HEAD):
            return drawn


def ways(kinds: Collection[Kind]) -> int:
    """Return how many orders of these kinds `draw` can give, each as likely as any other."""
    return _ways(sorted(set(kinds)), _length(sorted(set(kinds))))


def _length(offered: Sequence[Kind]) -> int:
    return next(count for count in range(1, 99) if _ways(offered, count) >= FEWEST_WAYS)


def _ways(offered: Sequence[Kind], steps: int) -> int:
    without_head = len(set(offered) - set(HEAD))
    return int(len(offered) ** steps - without_head**steps)


def judge(moments: Sequence[Moment], steps: Sequence[Step], changes: Sequence[Change]) -> Verdict:
    """Return whether these moments of one face, in order of time, show the steps and nothing else.

    changes: of every frame of the clip. What comes after the last window is not looked at.
    """
    over_s = steps[-1].to_s + LATE_S
    moments = [each for each in moments if each.at_s <= over_s]
    lead = [each for each in moments if each.at_s < LEAD_S]
    if len(lead) < FEWEST_NEUTRAL or _longest_gap_s(moments) > LONGEST_GAP_S:
        return failed("challenge_unclear")
    neutral = Neutral.of(lead)
    cut = is_cut([each for each in changes if each.at_s <= over_s])
    if _leaps(moments) or cut:
        return failed("challenge_spliced")
    if cut is None:
        return failed("challenge_unclear")
    if _flat(moments, neutral):
        return failed("challenge_flat")
    gestures = find(moments, neutral)
    return next(
        (failed(code, gestures) for code in _faults(gestures, steps)),
        Verdict(AttackOutcome.BONA_FIDE, "", gestures),
    )


def at_rest(moments: Sequence[Moment], within_deg: float) -> list[int]:
    """Return which moments look as straight ahead as those before the first step do."""
    lead = [each for each in moments if each.at_s < LEAD_S]
    if not lead:
        return []
    neutral = Neutral.of(lead)
    return [
        number
        for number, each in enumerate(moments)
        if max(abs(each.turn - neutral.turn), abs(each.nod - neutral.nod)) <= within_deg
    ]


def is_cut(changes: Sequence[Change]) -> bool | None:
    """Say whether the picture changes at once somewhere, and not in the frames before and after; None for too few.

    A camera begins and ends as it likes: the first and the last few changes are not judged.
    """
    if len(changes) <= 2 * CUT_NEIGHBORS:
        return None
    begun_s, ended_s = changes[CUT_NEIGHBORS].at_s, changes[-1 - CUT_NEIGHBORS].at_s
    floor = REPEATED * np.percentile([each.levels for each in changes], LIVELY)
    lively = [each for each in changes if each.levels > floor]
    return any(begun_s <= each.at_s <= ended_s and _stands_out(lively, at) for at, each in enumerate(lively))


def too_early(clip_s: float | None, available_s: float) -> bool | None:
    """Say whether a clip is longer than the time from the challenge to its upload: then it was begun before it.

    clip_s: None where the clip does not say how long it is; then this cannot be told.
    """
    if clip_s is None:
        return None
    return clip_s > available_s + RECORDER_S


def _faults(gestures: Sequence[Gesture], steps: Sequence[Step]) -> Iterator[str]:
    shown, asked = [each.kind for each in gestures], [each.kind for each in steps]
    if shown != asked:
        if not shown:
            yield "challenge_not_shown"
        elif _within(shown, asked):
            yield "challenge_incomplete"
        elif _within(asked, shown):
            yield "challenge_extra_gesture"
        else:
            yield "challenge_wrong_order"
        return
    for gesture, step in zip(gestures, steps, strict=True):
        over_s = gesture.left_s if gesture.back_s is None else gesture.back_s
        if gesture.reached_s < step.from_s - EARLY_S or over_s > step.to_s + LATE_S:
            yield "challenge_out_of_time"


def _within(few: Sequence[Kind], many: Sequence[Kind]) -> bool:
    """Say whether `few` is `many` with some left out."""
    rest = iter(many)
    return all(each in rest for each in few)


def _longest_gap_s(moments: Sequence[Moment]) -> float:
    return max((now.at_s - before.at_s for before, now in pairwise(moments)), default=float("inf"))


def _leaps(moments: Sequence[Moment]) -> bool:
    """Whether the head is elsewhere without having moved there."""
    angles = ([each.turn for each in moments], [each.nod for each in moments])
    return any(np.abs(np.diff(smooth(np.array(each)))).max() > JUMP_DEG for each in angles)


def _stands_out(changes: Sequence[Change], at: int) -> bool:
    """Whether a change is far larger than those around it. Stills shown one after another have none around."""
    now = changes[at]
    around = [*changes[max(0, at - CUT_NEIGHBORS) : at], *changes[at + 1 : at + 1 + CUT_NEIGHBORS]]
    beside = max((each.levels for each in around if abs(each.at_s - now.at_s) <= LONGEST_GAP_S), default=0.0)
    return now.levels > max(CUT_LEVELS, CUT_TIMES * beside)


def _flat(moments: Sequence[Moment], neutral: Neutral) -> bool:
    """Whether the face's plane was turned away for a while, and the nose did not stand out as a head's would."""
    narrowed = smooth(np.array([each.foreshortening(neutral.plane) for each in moments]))
    out = [
        np.hypot(*(np.tan(np.radians([each.turn, each.nod])) - np.tan(np.radians([neutral.turn, neutral.nod]))))
        for each in moments
    ]
    tilt = np.sqrt(1 / np.maximum(narrowed, 1e-3) ** 2 - 1)
    flat = (narrowed < FLAT_FORESHORTENING) & (smooth(np.array(out)) < FLAT_SHARE * tilt)
    return len(flat) >= FLAT_FRAMES and bool(np.any(np.convolve(flat, np.ones(FLAT_FRAMES), "valid") == FLAT_FRAMES))
