"""Any way of comparing several pictures with several, held to the same people: FNMR where the FMR is what was asked."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heirloom.evaluation.rates import Rate, rate

TARGETS = (1e-3, 1e-4)
DRAWS = 10
MATED_BLOCK = 64
BLOCK = 1024

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]
Compare = Callable[[Rows, Rows], Scores]
"""Takes (a, r) and (b, p) rows of pictures, answers (a, b) scores; higher is more alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """Pictures dealt into sets, no picture twice in one draw. mated: (n, r + p) of one person, all draws together.

    left, right: (a, r) and (b, p), sets of one person each. trials: the mated comparisons of one draw.
    """

    references: int
    mated: Rows
    left: Rows
    right: Rows
    trials: int


def deal(people: NDArray[np.int64], references: int, probes: int, draws: int = DRAWS, seed: int = 0) -> Dealt:
    """Deal everybody's pictures out; what does not fill a set is left over. The non-mated sets are of two draws."""
    rng = np.random.default_rng([seed, references, probes])
    mated = [_sets(people, references + probes, rng) for _ in range(draws)]
    left = _sets(people, references, rng)
    right = left if references == probes else _sets(people, probes, rng)
    return Dealt(references, np.concatenate(mated), left, right, len(mated[0]))


@dataclass(frozen=True, slots=True)
class Outcome:
    """FNMR at each of TARGETS, and the scores from which a comparison matched there."""

    fnmr: tuple[Rate, ...]
    thresholds: tuple[float, ...]
    non_mated: int

    def cells(self) -> tuple[str, ...]:
        return tuple(f"{100 * each.value:.2f} %" for each in self.fnmr)


def errors(compare: Compare, people: NDArray[np.int64], dealt: Dealt) -> Outcome:
    """Return what this way of comparing misses at the threshold that so many non-mated comparisons set."""
    return at_thresholds(*scores(compare, people, dealt), dealt.trials)


def scores(compare: Compare, people: NDArray[np.int64], dealt: Dealt) -> tuple[Scores, Scores]:
    """Return all mated and all non-mated scores."""
    one, other = dealt.mated[:, : dealt.references], dealt.mated[:, dealt.references :]
    steps = range(0, len(one), MATED_BLOCK)
    mated = [np.diagonal(compare(one[k : k + MATED_BLOCK], other[k : k + MATED_BLOCK])) for k in steps]
    strangers = []
    for k in range(0, len(dealt.left), BLOCK):
        some = dealt.left[k : k + BLOCK]
        apart = people[some[:, 0]][:, None] != people[dealt.right[:, 0]][None, :]
        strangers.append(compare(some, dealt.right)[apart])
    return np.concatenate(mated), np.concatenate(strangers)


def at_thresholds(mated: Scores, strangers: Scores, trials: int) -> Outcome:
    """Return the FNMR where at most the target share of strangers match."""
    allowed = [int(target * len(strangers)) for target in TARGETS]
    ordered = np.partition(strangers, [len(strangers) - 1 - count for count in allowed])
    thresholds = tuple(float(ordered[len(strangers) - 1 - count]) for count in allowed)
    missed = tuple(rate(float(np.mean(mated <= threshold)) * trials, trials) for threshold in thresholds)
    return Outcome(missed, thresholds, len(strangers))


def _sets(people: NDArray[np.int64], size: int, rng: np.random.Generator) -> Rows:
    found = []
    for person in np.unique(people):
        rows = rng.permutation(np.flatnonzero(people == person))
        found += [rows[k : k + size] for k in range(0, len(rows) - size + 1, size)]
    return np.array(found, np.int64).reshape(-1, size)
