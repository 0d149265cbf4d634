"""From labelled templates to the cells of a policy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heirloom.decision.policy_cells import (
    MIN_FALSE_MATCHES,
    MIN_NON_MATED,
    MIN_PEOPLE_PAIRS_PER_TARGET,
    Cell,
    Point,
)
from heirloom.evaluation.gallery import Gallery, Means, mated, means_of, non_mated, people_pairs
from heirloom.evaluation.groups import Grouping, Within, within
from heirloom.evaluation.histogram import ScoreHistogram
from heirloom.evaluation.rates import Rate, fnmr, rate

TARGETS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
# (references, probes). The cosine of two means does not know which is which, so (3, 1) is (1, 3) as well.
COUNTS = ((1, 1), (2, 1), (3, 1), (5, 1), (10, 1), (2, 2), (3, 2), (5, 2), (3, 3), (5, 3), (5, 5))
MATED_DRAWS = 20
MAX_DRAWS = 5
HELD_OUT_COUNTS = ((1, 1), (3, 1), (3, 3))
HELD_OUT_TARGETS = (1e-3, 1e-4)
ENOUGH_NON_MATED = int(MIN_FALSE_MATCHES / TARGETS[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """All that was seen of one cell, published or not.

    draws: how often templates were dealt into sets; above 1, a template stands in several sets.
    mated_scores: (n,) over all mated draws. mated_trials: the comparisons of one draw.
    why_not: why no cell is published; "" where `cell` stands. within: each group that was given and is large enough.
    """

    references: int
    probes: int
    people_pairs: int
    draws: int
    non_mated: ScoreHistogram
    mated_scores: NDArray[np.float64]
    mated_trials: int
    cell: Cell | None
    why_not: str = ""
    within: tuple[Within, ...] = ()

    def fnmr(self, threshold: float) -> Rate:
        """Return the FNMR averaged over all draws, with an interval for the comparisons of one draw alone."""
        share = fnmr(self.mated_scores, threshold).value
        return rate(share * self.mated_trials, self.mated_trials)


def measure(
    gallery: Gallery,
    counts: Iterable[tuple[int, int]] = COUNTS,
    tell: Callable[[str], None] | None = None,
    grouping: Grouping | None = None,
) -> tuple[Measured, ...]:
    """Measure every (references, probes) cell, over everybody and within groups; `tell` hears one line for each.

    Publishes what decision.policy allows: at least MIN_NON_MATED non-mated pairs, and for each target at least
    MIN_FALSE_MATCHES expected false matches and MIN_PEOPLE_PAIRS_PER_TARGET / FMR pairs of people.
    """
    found = []
    for references, probes in counts:
        found.append(measure_cell(gallery, references, probes, grouping))
        if tell:
            pairs = f"{found[-1].non_mated.total:,} non-mated, {found[-1].mated_trials:,} mated"
            tell(f"{references} references, {probes} probes: {pairs}")
    return tuple(found)


def measure_cell(gallery: Gallery, references: int, probes: int, grouping: Grouping | None = None) -> Measured:
    """Measure one cell, dealing the templates again (up to MAX_DRAWS times) until there are pairs enough for every
    target.
    """
    means, histogram, pairs, draws = _non_mated(gallery, references, probes)
    scores, trials = mated(gallery, references, probes, MATED_DRAWS)
    why_not = _why_not(histogram, trials)
    cell = None if why_not else _cell(references, probes, pairs, histogram, scores, trials)
    if cell is not None and not cell.points:
        cell, why_not = None, f"{pairs:,} pairs of people are too few"
    groups: tuple[Within, ...] = ()
    if grouping is not None and histogram.total:
        floor = histogram.threshold(TARGETS[0])
        groups = within(gallery, means, (references, probes), grouping, floor=floor, draws=MATED_DRAWS)
    return Measured(references, probes, pairs, draws, histogram, scores, trials, cell, why_not, groups)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A threshold that was set on some people, and its errors on others. set_on: which half, in words."""

    references: int
    probes: int
    set_on: str
    target: float
    threshold: float
    fmr: Rate
    fnmr: Rate


def held_out(
    gallery: Gallery,
    counts: Iterable[tuple[int, int]] = HELD_OUT_COUNTS,
    targets: Iterable[float] = HELD_OUT_TARGETS,
) -> tuple[HeldOut, ...]:
    """Set thresholds on one half of the people and test them on the other, both ways.

    Targets that half of the people cannot show are left out.
    """
    odd = gallery.people % 2 == 1
    halves = {"even people": gallery.only(~odd), "odd people": gallery.only(odd)}
    (even, first), (uneven, second) = halves.items()
    targets = tuple(targets)
    found: list[HeldOut] = []
    for references, probes in counts:
        one, other = measure_cell(first, references, probes), measure_cell(second, references, probes)
        found += [*_tested(one, other, even, targets), *_tested(other, one, uneven, targets)]
    return tuple(found)


def _tested(own: Measured, others: Measured, set_on: str, targets: tuple[float, ...]) -> list[HeldOut]:
    points = [point for point in (own.cell.points if own.cell else ()) if point.fmr in targets]
    if not others.non_mated.total or not others.mated_trials:
        return []
    return [
        HeldOut(
            own.references,
            own.probes,
            set_on,
            point.fmr,
            point.threshold,
            others.non_mated.fmr(point.threshold),
            others.fnmr(point.threshold),
        )
        for point in points
    ]


def measure_pairs(mated_scores: NDArray[np.float64], non_mated_scores: NDArray[np.float64]) -> Measured:
    """Measure single pictures from the scores of listed pairs; every pair counts as one of people, for nothing says
    whose they are.
    """
    histogram = ScoreHistogram()
    histogram.add(non_mated_scores)
    trials = len(mated_scores)
    why_not = _why_not(histogram, trials)
    cell = None if why_not else _cell(1, 1, histogram.total, histogram, mated_scores, trials)
    return Measured(1, 1, histogram.total, 1, histogram, mated_scores, trials, cell, why_not)


def _non_mated(gallery: Gallery, references: int, probes: int) -> tuple[tuple[Means, Means], ScoreHistogram, int, int]:
    draws, symmetric = 0, references == probes
    while True:
        draws += 1
        left, right = means_of(gallery, references, draws), means_of(gallery, probes, draws)
        histogram = non_mated(left, right)
        histogram = histogram.halved() if symmetric else histogram
        if draws == MAX_DRAWS or histogram.total >= ENOUGH_NON_MATED or references == probes == 1:
            return (left, right), histogram, people_pairs(left, right, symmetric=symmetric), draws


def _why_not(histogram: ScoreHistogram, trials: int) -> str:
    if histogram.total < MIN_NON_MATED:
        return f"{histogram.total:,} non-mated pairs are fewer than {MIN_NON_MATED:,}"
    return "" if trials else "nobody has pictures enough for a mated comparison"


def _cell(
    references: int, probes: int, pairs: int, histogram: ScoreHistogram, scores: NDArray[np.float64], trials: int
) -> Cell:
    slope, intercept = fit_logistic(scores, histogram)
    points = []
    for target in TARGETS:
        if histogram.total * target >= MIN_FALSE_MATCHES and pairs * target >= MIN_PEOPLE_PAIRS_PER_TARGET:
            threshold = histogram.threshold(target)
            share = fnmr(scores, threshold).value
            missed = rate(share * trials, trials)
            upper = max(threshold, histogram.upper_threshold(target))
            points.append(Point(target, threshold, upper, missed.value, missed.low, missed.high))
    return Cell(references, probes, pairs, trials, histogram.total, slope, intercept, tuple(points))


def fit_logistic(mated_scores: NDArray[np.float64], histogram: ScoreHistogram) -> tuple[float, float]:
    """Return slope and intercept of P(mated | score) = 1 / (1 + exp(-(slope * score + intercept))), equal priors.

    Maximum likelihood by Newton's method, each class weighing one half. Targets are kept from 0 and 1 as J. Platt does
    ("Probabilistic outputs for support vector machines", 1999), so a separable set gives a finite slope.
    """
    used = histogram.counts > 0
    low, high = histogram.centers()[used], mated_scores
    x = np.concatenate([low, high])
    weight = np.concatenate([histogram.counts[used] / (2 * histogram.total), np.full(len(high), 0.5 / len(high))])
    target = np.concatenate(
        [np.full(len(low), 1 / (histogram.total + 2)), np.full(len(high), (len(high) + 1) / (len(high) + 2))]
    )
    mean = float(np.average(x, weights=weight))
    spread = float(np.sqrt(np.average((x - mean) ** 2, weights=weight)))
    beta = _newton((x - mean) / spread, target, weight)
    return float(beta[0] / spread), float(beta[1] - beta[0] * mean / spread)


def _newton(x: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    design = np.stack([x, np.ones_like(x)], axis=1)
    beta = np.zeros(2)
    loss = _loss(design, beta, target, weight)
    for _ in range(200):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        gradient = design.T @ (weight * (p - target))
        hessian = (design * (weight * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6 and _loss(design, beta - size * step, target, weight) > loss:
            size /= 2
        beta = beta - size * step
        before, loss = loss, _loss(design, beta, target, weight)
        if before - loss < 1e-12:
            break
    return beta


def _loss(
    design: NDArray[np.float64], beta: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> float:
    z = design @ beta
    return float(np.sum(weight * (np.logaddexp(0, z) - target * z)))
