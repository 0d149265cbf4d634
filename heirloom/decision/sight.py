"""How fine the numbers of a comparison are that somebody may see: decided here, for every door.

A score is an inner product of the sealed template with numbers that whoever sent the picture can compute as well, so
about as many of them as a template has numbers give it back by least squares (docs/api/scores.md). What leaves is the
decision, and of a match one of two steps.
"""

from bisect import bisect_right
from dataclasses import dataclass

MATCH = 0.5
"""The similarity at the threshold, of whatever policy (policy.Policy.similarity)."""
STEPS = (0.5, 0.9)
"""What a client app is told of the similarity or the confidence of a match: the highest of these that it reaches.

Two digits would tell some fifty steps, at no cost, to whoever has one photo that matches and bends it: see
docs/api/scores.md for what each of them gives away, measured."""
DIGITS = 2


@dataclass(frozen=True, slots=True)
class Sight:
    """What one caller sees of numbers.

    is_fine: as they were measured. is_staff: two digits, and below the match threshold too. Neither: the steps of a
    match, and nothing of what is none.
    """

    is_fine: bool = False
    is_staff: bool = False

    @property
    def sees_strangers(self) -> bool:
        """Whether a search may name people whom it did not find."""
        return self.is_staff

    def similarity(self, similarity: float | None) -> float | None:
        """Return what is told of a similarity: None for none, and for what may not be told."""
        return self._told(similarity, similarity)

    def confidence(self, confidence: float | None, similarity: float | None) -> float | None:
        """Likewise for the confidence of a decision with this similarity."""
        return self._told(confidence, similarity)

    def threshold(self, threshold: float | None, similarity: float | None) -> float | None:
        """Return the threshold, a published number, where the decision is told to be a match.

        It says how many references a person has, and that there are any, so below a match it is for staff.
        """
        told = self.is_fine or self.is_staff or is_match(similarity)
        return threshold if told else None

    def names(self, similarity: float | None, *, least: float = 0.0) -> bool:
        """Say whether a search may name somebody so alike, None where nothing was measured.

        least: what was asked for, which lowers no floor.
        """
        floor = least if self.sees_strangers else max(least, MATCH)
        return floor <= 0 if similarity is None else similarity >= floor

    def _told(self, value: float | None, similarity: float | None) -> float | None:
        if value is None or self.is_fine:
            return value
        if self.is_staff:
            return round(value, DIGITS)
        return step(value) if is_match(similarity) else None


def is_match(similarity: float | None) -> bool:
    return similarity is not None and similarity >= MATCH


def step(value: float) -> float | None:
    """Return the highest of STEPS that a number reaches; None below them."""
    place = bisect_right(STEPS, value)
    return STEPS[place - 1] if place else None


DECISION, LOOK, FINE = Sight(), Sight(is_staff=True), Sight(is_fine=True)
