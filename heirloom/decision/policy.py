"""A policy: the thresholds measured for one recogniser, where they come from, and how they are looked up.

Averaging templates shifts scores upwards, so a threshold belongs to a cell (references, probe frames) and never to
the recogniser alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

# Below this many non-mated pairs a cell is not published: 30 false matches are expected at FMR 1e-4, and with 30 errors
# the true rate is within 30 % of the measured one at 90 % confidence (the "rule of 30", Doddington et al., 2000).
MIN_NON_MATED = 300_000
MIN_FALSE_MATCHES = 30
# With no error among n independent trials the rate is at most 3/n at 95 % confidence (the "rule of three"). Pairs of
# pictures are not independent but pairs of people nearly are, so a target FMR needs 3/FMR of those.
MIN_PEOPLE_PAIRS_PER_TARGET = 3


class PolicyError(ValueError):
    """A policy contradicts itself, claims more than was measured, or is not whole."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measured operating point.

    threshold: the raw score from which at most `fmr` of the non-mated comparisons matched.
    upper_threshold: the raw score from which even the upper 95 % limit of the measured FMR stays within `fmr`.
    fnmr, fnmr_low, fnmr_high: the share of mated comparisons below `threshold`, with its Wilson 95 % interval.
    """

    fmr: float
    threshold: float
    upper_threshold: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """What was measured for one number of references and of probe frames.

    points: from the most lenient target (the highest FMR) to the strictest.
    slope, intercept: with equal priors, both sides are of one person with the probability
    1 / (1 + exp(-(slope * score + intercept))).
    """

    references: int
    probes: int
    people_pairs: int
    mated: int
    non_mated: int
    slope: float
    intercept: float
    points: tuple[Point, ...]

    def at(self, fmr: float) -> Point | None:
        """Return the most lenient measured point whose target is `fmr` or stricter."""
        return next((point for point in self.points if point.fmr <= fmr * (1 + 1e-9)), None)

    def covers(self, references: int, probes: int) -> bool:
        return self.references >= references and self.probes >= probes

    def within(self, references: int, probes: int) -> bool:
        return self.references <= references and self.probes <= probes


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from. measured_on: an ISO date. command: what was run, without paths of the machine."""

    data_set: str
    people: int
    images: int
    measured_on: str
    command: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Zone:
    """How scores are read at one operating point.

    Below `reject_below` no match, from `approve_from` a match, between them a human.
    approve_from is None where the target is below what was measured: then no score is a match by itself.
    reject_below is None where the more lenient end was not measured: then no score is rejected by itself.
    threshold: where similarity is 0.5.
    """

    reject_below: float | None
    threshold: float
    approve_from: float | None


@dataclass(frozen=True, slots=True)
class Policy:
    """The thresholds of one recogniser.

    name: with its version, as recorded with every decision. model: as in Template.model.
    """

    name: str
    model: str
    provenance: Provenance
    cells: tuple[Cell, ...]
    _steepness: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise PolicyError(f"policy {self.name!r}: {problem}")
        object.__setattr__(self, "_steepness", min(self.cells, key=lambda cell: (cell.references, cell.probes)).slope)

    def threshold(self, references: int, probes: int, fmr: float) -> float | None:
        """Return the raw score from which two sides match at `fmr`; None where nothing that strict was measured.

        A pair of counts outside the table takes the lowest threshold measured for at least as many of both, raised to
        the highest one measured for at most as many of both: so it never falls when references, probes or strictness
        grow. Counts beyond every cell measured at this target take the table's highest threshold plus `_headroom`.
        A target between two measured ones takes the stricter.
        """
        return self._look_up(references, probes, fmr, upper=False)

    def zone(self, references: int, probes: int, fmr: float) -> Zone | None:
        """Return how scores are read at `fmr`, or None where nothing was measured for these counts.

        A match needs a score from which even the upper 95 % limit of the measured FMR is within `fmr`. No match is a
        score that would not match at ten times `fmr` either. What lies between is for a human.
        """
        strict = self.threshold(references, probes, fmr)
        lenient = self.threshold(references, probes, 10 * fmr)
        if strict is not None:
            return Zone(lenient, strict, approve_from=self._look_up(references, probes, fmr, upper=True))
        floor = self.strictest(references, probes)
        if floor is None:
            return None
        return Zone(reject_below=floor[1] if lenient is None else lenient, threshold=floor[1], approve_from=None)

    def strictest(self, references: int, probes: int) -> tuple[float, float] | None:
        """Return the lowest FMR that was measured for these counts and its threshold."""
        for fmr in sorted({point.fmr for cell in self.cells for point in cell.points}):
            threshold = self.threshold(references, probes, fmr)
            if threshold is not None:
                return fmr, threshold
        return None

    def similarity(self, score: float, threshold: float) -> float:
        """Return the calibrated number in [0, 1]: it rises with the raw score and is 0.5 exactly at the threshold.

        The logistic of (score - threshold) times the slope fitted for single pictures: a similarity s says that the
        odds of one person against two are s / (1 - s) times those at the threshold. It is no probability of its own.
        """
        return logistic(self._steepness * (score - threshold))

    def confidence(self, score: float, references: int, probes: int, *, matched: bool) -> float:
        """Return the probability that calling this comparison a match (or no match) is right.

        From the cell's logistic fit of mated against non-mated scores, with equal priors: the calibration cannot know
        how many impostors there are. Counts outside the table use the nearest cell at least as averaged, else the
        largest.
        """
        cell = self._nearest(references, probes)
        mated = logistic(cell.slope * score + cell.intercept)
        return mated if matched else 1.0 - mated

    def _nearest(self, references: int, probes: int) -> Cell:
        covering = [cell for cell in self.cells if cell.covers(references, probes)]
        if covering:
            return min(covering, key=lambda cell: (cell.references + cell.probes, cell.references))
        return max(self.cells, key=lambda cell: (min(cell.references, cell.probes), cell.references + cell.probes))

    def _look_up(self, references: int, probes: int, fmr: float, *, upper: bool) -> float | None:
        if references < 1 or probes < 1 or not fmr > 0:
            return None
        levels = [_level(cell, fmr, upper=upper) for cell in self.cells if cell.covers(references, probes)]
        covering = [level for level in levels if level is not None]
        below = [_level_or_strictest(cell, fmr, upper=upper) for cell in self.cells if cell.within(references, probes)]
        if covering:
            return max([min(covering), *below])
        headroom = self._headroom(fmr, upper=upper)
        if headroom is None:
            return None
        return max(_level_or_strictest(cell, fmr, upper=upper) for cell in self.cells) + headroom

    def _headroom(self, fmr: float, *, upper: bool) -> float | None:
        """Bound how much further a threshold can rise beyond the table; None where no cell averages both sides.

        The mean of n unit vectors of one person with mean cosine c has the squared length c + (1 - c) / n, and scores
        grow as it shrinks: of the whole way from 1 to infinity the share 1 - 1/n is done at n. So from a cell with at
        least n on both sides at most rise / (n - 1) is left, where rise is what that cell is above single pictures.
        """
        single = next((cell for cell in self.cells if cell.references == cell.probes == 1), None)
        both = [cell for cell in self.cells if min(cell.references, cell.probes) >= 2 and cell.at(fmr) is not None]
        if single is None or not both:
            return None
        largest = max(both, key=lambda cell: (min(cell.references, cell.probes), cell.references + cell.probes))
        rise = _level_or_strictest(largest, fmr, upper=upper) - _level_or_strictest(single, fmr, upper=upper)
        return max(0.0, rise) / (min(largest.references, largest.probes) - 1)


def logistic(x: float) -> float:
    """Return 1 / (1 + exp(-x)) without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    odds = math.exp(max(x, -700.0))
    return odds / (1.0 + odds)


def _level(cell: Cell, fmr: float, *, upper: bool) -> float | None:
    point = cell.at(fmr)
    if point is None:
        return None
    return point.upper_threshold if upper else point.threshold


def _level_or_strictest(cell: Cell, fmr: float, *, upper: bool) -> float:
    point = cell.at(fmr) or cell.points[-1]
    return point.upper_threshold if upper else point.threshold


def _problems(policy: Policy) -> Iterator[str]:
    if not policy.name or not policy.model or not policy.provenance.data_set:
        yield "it has no name, model or data set"
    if not policy.cells:
        yield "it has no measured cell"
    keys = [(cell.references, cell.probes) for cell in policy.cells]
    if len(set(keys)) != len(keys):
        yield "a cell is given twice"
    for cell in policy.cells:
        for problem in _cell_problems(cell):
            yield f"cell {cell.references}, {cell.probes}: {problem}"


def _cell_problems(cell: Cell) -> Iterator[str]:
    if min(cell.references, cell.probes, cell.mated) < 1:
        yield "a count is below 1"
    if cell.non_mated < MIN_NON_MATED:
        yield f"{cell.non_mated} non-mated pairs are fewer than {MIN_NON_MATED}"
    if not (math.isfinite(cell.slope) and cell.slope > 0 and math.isfinite(cell.intercept)):
        yield "its calibration is not a rising curve"
    if not cell.points:
        yield "it has no operating point"
    for point in cell.points:
        yield from _point_problems(cell, point)
    for lenient, strict in zip(cell.points, cell.points[1:], strict=False):
        rising = lenient.threshold <= strict.threshold and lenient.upper_threshold <= strict.upper_threshold
        if not (lenient.fmr > strict.fmr and rising):
            yield f"thresholds do not rise from FMR {lenient.fmr:g} to {strict.fmr:g}"


def _point_problems(cell: Cell, point: Point) -> Iterator[str]:
    at = f"at FMR {point.fmr:g}"
    if not 0 < point.fmr < 1:
        yield f"{at}: not a rate"
    elif cell.non_mated * point.fmr < MIN_FALSE_MATCHES * (1 - 1e-9):
        yield f"{at}: {cell.non_mated} non-mated pairs cannot show it"
    elif cell.people_pairs * point.fmr < MIN_PEOPLE_PAIRS_PER_TARGET * (1 - 1e-9):
        yield f"{at}: {cell.people_pairs} pairs of people cannot show it"
    if not -1 <= point.threshold <= point.upper_threshold <= 1:
        yield f"{at}: thresholds are not scores in order"
    if not 0 <= point.fnmr_low <= point.fnmr <= point.fnmr_high <= 1:
        yield f"{at}: the FNMR is not inside its interval"
