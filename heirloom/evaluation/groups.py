"""Groups of people whom an operator tells apart, and what a recogniser does within each of them.

A rate over everybody hides whom it fails, so each group is measured on its own, with its counts and intervals, as
ISO/IEC 19795-10 asks. Who belongs to which is told from outside: nothing here is concluded from a face.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heirloom.evaluation.gallery import ROWS, Gallery, Means, mated, non_mated, people_pairs
from heirloom.evaluation.histogram import STEP
from heirloom.evaluation.rates import Rate, fnmr, rate

FEWEST = 20
"""People, from which a group is measured, and shown at all: rates of fewer say something of each of them."""

DRAWS = 300
"""How often people are drawn again for an interval. The seed is fixed: an interval can be repeated."""

KEPT = 0.03
"""The share of a group's highest scores that is kept for the intervals: three times the most lenient target, for people
drawn again may have so many more.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Who belongs to which group. attributes: by name ("race"), (people,) text, by the number of the person in the
    gallery, "" where it is not known. how: how all this is known, in words.
    """

    attributes: Mapping[str, NDArray[np.str_]]
    how: str

    def groups(self) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
        """Yield each attribute, each of its values, and who has it, (people,)."""
        for attribute, values in self.attributes.items():
            for name in sorted(set(values.tolist()) - {""}):
                yield attribute, name, values == name


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The highest non-mated scores of a group, and between whom; every pair of people counts alike.

    A group is small, and whoever has a third of its pictures would stand for it: so a score weighs as much as it is of
    all scores of its two people. scores: (n,) falling. weights: (n,). left, right: (n,) people, as rows of `sides`.
    sides: (people, 2) whether they have references, and probes. symmetric: each pair of people stands once.
    """

    scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    sides: NDArray[np.bool_]
    symmetric: bool

    def seen(self) -> tuple[NDArray[np.float64], float]:
        """Return (n + 1,) how many pairs of people score as high as the first so many, and how many pairs there are."""
        return self._reached(np.ones(len(self.sides)))

    def drawn(self) -> Iterator[tuple[NDArray[np.float64], float]]:
        """Yield the same for people drawn again with replacement.

        Pairs share people, so the people are drawn and not the pairs (B. Efron's bootstrap; for scores of pairs:
        R. Bolle, N. Ratha, S. Pankanti, "Error analysis of pattern recognition systems", CVIU 93, 2004).
        """
        rng, people = np.random.default_rng(0), len(self.sides)
        for _ in range(DRAWS):
            reached, pairs = self._reached(np.bincount(rng.integers(people, size=people), minlength=people))
            if pairs > 0:
                yield reached, pairs

    def _reached(self, times: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
        ours, theirs = (times * self.sides[:, side] for side in (0, 1))
        pairs = float(ours.sum() * theirs.sum() - ours @ theirs) / (2 if self.symmetric else 1)
        reached = np.cumsum(times[self.left] * times[self.right] * self.weights)
        return np.concatenate([[0.0], reached]), pairs


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """What was seen of one group in one cell.

    people: with templates enough for a side of it. non_mated: comparisons. mated_trials: as in `calibration.Measured`.
    """

    attribute: str
    name: str
    people: int
    images: int
    people_pairs: int
    non_mated: int
    tail: Tail
    mated_scores: NDArray[np.float64]
    mated_trials: int

    @property
    def label(self) -> str:
        return f"{self.attribute}: {self.name}"

    def fmr(self, threshold: float) -> Rate:
        """Return the FMR within the group among pairs of its people, with a 95 % interval over its people.

        Where none was wrong, drawing people again cannot say how wrong it may be: then the upper limit is what so many
        pairs of people leave open (Wilson's). threshold: not under the floor that `within` was given.
        """
        over = int(np.searchsorted(-self.tail.scores, -(threshold - 1e-9), side="right"))
        reached, pairs = self.tail.seen()
        errors = float(reached[over])
        if not over:
            return Rate(0, self.people_pairs, 0.0, rate(0, self.people_pairs).high)
        shares = [float(drawn[over] / total) for drawn, total in self.tail.drawn()]
        low, high = np.quantile(shares, (0.025, 0.975))
        return Rate(errors, self.people_pairs, min(float(low), errors / pairs), max(float(high), errors / pairs))

    def fnmr(self, threshold: float) -> Rate | None:
        """Return the FNMR within the group, None where it has no mated comparison."""
        if not self.mated_trials:
            return None
        return rate(fnmr(self.mated_scores, threshold).value * self.mated_trials, self.mated_trials)

    def thresholds(self, targets: Sequence[float]) -> list[tuple[float, float]]:
        """Return for each target the lowest score from which the group's FMR is within it, and the one from which it
        still is for 97.5 % of the people drawn again.

        Where a group has too few pairs for its target, both lie over the highest scores that were seen in it.
        """
        drawn = [self._thresholds(*each, targets) for each in self.tail.drawn()]
        upper = np.quantile(drawn, 0.975, axis=0) if drawn else np.ones(len(targets))
        found = self._thresholds(*self.tail.seen(), targets)
        return [(one, max(one, round(float(sure), 5))) for one, sure in zip(found, upper, strict=True)]

    def _thresholds(self, reached: NDArray[np.float64], pairs: float, targets: Sequence[float]) -> list[float]:
        scores = self.tail.scores
        most = np.searchsorted(reached, np.asarray(targets) * pairs * (1 + 1e-9), side="right") - 1
        return [_over(scores[place]) if place < len(scores) else -1.0 for place in most]


def _over(score: float) -> float:
    """The lowest multiple of STEP over a score, at most 1."""
    return min(1.0, round((math.floor(score / STEP) + 1) * STEP, 5))


def groups_in(file: Path, people: Sequence[str], how: str = "") -> Grouping:
    """Return the groups that a CSV file gives these people.

    The file has a header, a person's name in the first column, and in every other what divides them; an empty field is
    not known. people: their names, in the order of their numbers in the gallery.
    Raises ValueError for a file without such columns, for a person twice, or where it names none of these people.
    """
    with file.open(newline="", encoding="utf-8-sig") as lines:
        header, *rows = [row for row in csv.reader(lines) if row] or [[]]
    if len(header) < 2 or any(len(row) != len(header) for row in rows):
        raise ValueError(f"{file} is no table of people and at least one column of groups")
    told = {row[0].strip(): row[1:] for row in rows}
    if len(told) != len(rows):
        raise ValueError(f"{file} names a person twice")
    if not set(told) & set(people):
        raise ValueError(f"{file} names none of these people")
    attributes = {
        name.strip(): np.array([told[person][column].strip() if person in told else "" for person in people])
        for column, name in enumerate(header[1:])
    }
    return Grouping(attributes, how or f"as {file.name} says: {', '.join(attributes)}")


def within(
    gallery: Gallery,
    means: tuple[Means, Means],
    counts: tuple[int, int],
    grouping: Grouping,
    *,
    floor: float,
    draws: int,
) -> tuple[Within, ...]:
    """Return what is seen of each group that has FEWEST people or more on either side of a cell.

    means, counts: of references and of probes. floor: the lowest score of interest. draws: as `gallery.mated` takes it.
    """
    found = []
    for attribute, name, members in grouping.groups():
        left, right = (side.only(members[side.people]) for side in means)
        if min(len(np.unique(left.people)), len(np.unique(right.people))) < FEWEST:
            continue
        symmetric = counts[0] == counts[1]
        histogram = non_mated(left, right)
        tail = _tail(left, right, min(floor, histogram.threshold(KEPT)), symmetric=symmetric)
        group = gallery.only(members[gallery.people])
        pairs = people_pairs(left, right, symmetric=symmetric)
        total = histogram.total // 2 if symmetric else histogram.total
        scores = mated(group, *counts, draws)
        found.append(Within(attribute, name, len(tail.sides), len(group.vectors), pairs, total, tail, *scores))
    return tuple(found)


def _tail(left: Means, right: Means, floor: float, *, symmetric: bool) -> Tail:
    names = np.union1d(left.people, right.people)
    ours, theirs = (np.searchsorted(names, side.people) for side in (left, right))
    kept = []
    for start in range(0, len(ours), ROWS):
        block = left.vectors[start : start + ROWS] @ right.vectors.T
        some = ours[start : start + ROWS, None]
        rows, columns = np.nonzero((block >= floor) & ((some < theirs) if symmetric else (some != theirs)))
        kept.append((block[rows, columns], some[rows, 0], theirs[columns]))
    scores, first, second = (np.concatenate(each) for each in zip(*kept, strict=True))
    order = np.argsort(-scores, kind="stable")
    first, second = first[order], second[order]
    references, probes = (np.bincount(side, minlength=len(names)) for side in (ours, theirs))
    weights = 1.0 / (references[first] * probes[second])
    sides = np.stack([references > 0, probes > 0], axis=1)
    return Tail(scores[order].astype(np.float64), weights, first, second, sides, symmetric)
