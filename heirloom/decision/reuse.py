"""Whether a capture was handed in before. Pure.

A camera never gives the same file twice, and hardly ever the same picture. But a person tries again from the same
chair, and a client whose connection broke sends the same file anew. So:
- The very file that somebody was enrolled with, or that was handed in for another person, is taken for a replay.
- Any other repetition, of the bytes or of the looks, goes to a human.
- Except the same client's, for the same person, within RETRY_S: that is recorded and not held against anybody.
  It is decided on the same evidence again, so it gains nothing that the first attempt did not have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from heirloom.decision.attack import REUSE
from heirloom.vision.types import AttackOutcome, AttackSignal

RETRY_S = 15 * 60
MOST_BITS = 2
"""A picture scaled or re-encoded stays within so many bits of its perceptual hash, of 64. Another take by the same
person in the same chair is mostly 4 to 10 away, another person's photo hardly ever under 8."""
LEAST_SHARE = 0.5
"""Of the frames, so many must be like the earlier capture's: one alone may be by chance."""


class Likeness(IntEnum):
    LOOKS = 1
    BYTES = 2


@dataclass(frozen=True, slots=True)
class Earlier:
    """A capture that the new one repeats.

    enrolled: it belongs to an enrollment. same_client: the same login handed both in. same_person: both were said to be
    of one person, or of nobody. age_s: from the earlier to this. label: names it for a reviewer.
    """

    likeness: Likeness
    enrolled: bool
    same_client: bool
    same_person: bool
    age_s: float
    label: str

    @property
    def is_retry(self) -> bool:
        return not self.enrolled and self.same_client and self.same_person and self.age_s <= RETRY_S


def judge(found: Sequence[Earlier]) -> AttackSignal:
    """Return what the gravest repetition speaks for."""
    signals = [_signal(earlier) for earlier in found]
    return max(signals, key=lambda signal: signal.score or 0.0, default=AttackSignal(REUSE, AttackOutcome.CLEAR))


def _signal(earlier: Earlier) -> AttackSignal:
    outcome, score, why = _reading(earlier)
    return AttackSignal(REUSE, outcome, score, why, earlier.label)


def _reading(earlier: Earlier) -> tuple[AttackOutcome, float, str]:
    """Scores put the readings in order; they are chosen, not measured."""
    same_file = earlier.likeness is Likeness.BYTES
    if earlier.is_retry:
        return AttackOutcome.CLEAR, 0.1, "sent_again"
    if same_file and earlier.enrolled:
        return AttackOutcome.ATTACK, 1.0, "file_enrolled"
    if same_file and not earlier.same_person:
        return AttackOutcome.ATTACK, 0.95, "file_of_another"
    if same_file:
        return AttackOutcome.SUSPICIOUS, 0.8, "file_seen"
    return AttackOutcome.SUSPICIOUS, *((0.7, "looks_enrolled") if earlier.enrolled else (0.6, "looks_seen"))
