"""A policy: the thresholds measured for one recogniser, where they come from, and how they are looked up.

Averaging templates shifts scores upwards, so a threshold belongs to a cell (references, probe frames) and never to
the recogniser alone. Where groups of people were measured, what is in force is held to the worst of them: a rate over
everybody hides whom it fails.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from heirloom.decision.policy_cells import (
    Cell,
    GroupRate,
    GroupRates,
    Point,
    PolicyError,
    Share,
    cell_problems,
    group_problems,
)
from heirloom.decision.policy_searches import SearchCell, search_problems

FAR_APART = 10
"""Groups are called unequal from here: the worst one's FMR over the target. Ten times is what lies between the target
of a comparison and that of a verification, so a group this far off is judged at another operating point."""
Level = Callable[[Point], float]


def _pooled(point: Point) -> float:
    return point.threshold


def _in_force(point: Point) -> float:
    return (point.held or point).threshold


def _approving(point: Point) -> float:
    return (point.held or point).upper_threshold


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from. measured_on: an ISO date. command: what was run, without paths of the machine.

    groups: how it was known who belongs to which group; "" where no groups were given.
    """

    data_set: str
    people: int
    images: int
    measured_on: str
    command: str
    note: str = ""
    groups: str = ""


class Caveat(StrEnum):
    """What to know of a policy before its yes is believed alike for everybody. The values are stable: the API has them.

    GROUPS_NOT_MEASURED: nobody knows whom its thresholds fail. GROUPS_UNEQUAL: some group's FMR at the pooled threshold
    is FAR_APART times the target or more; what is in force is held to it, at a cost for everybody. GROUP_NOT_SHOWN: the
    group that thresholds are held to is too small to show that they reach the target.
    """

    GROUPS_NOT_MEASURED = "groups_not_measured"
    GROUPS_UNEQUAL = "groups_unequal"
    GROUP_NOT_SHOWN = "group_not_shown"


@dataclass(frozen=True, slots=True)
class Zone:
    """How scores are read at one operating point.

    Below `reject_below` no match, from `approve_from` a match, between them a human. Only `reject_below` is measured
    over everybody; the others are held to the worst measured group.
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
    groups: what its pooled thresholds do within groups; none where no groups were given.
    searches: what was measured of whole searches; none in a file from before that.
    """

    name: str
    model: str
    provenance: Provenance
    cells: tuple[Cell, ...]
    groups: tuple[GroupRates, ...] = ()
    searches: tuple[SearchCell, ...] = ()
    _steepness: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise PolicyError(f"policy {self.name!r}: {problem}")
        object.__setattr__(self, "_steepness", min(self.cells, key=lambda cell: (cell.references, cell.probes)).slope)

    def threshold(self, references: int, probes: int, fmr: float) -> float | None:
        """Return the raw score from which two sides match at `fmr`; None where nothing that strict was measured.

        It is held to the worst measured group, where there are any. A pair of counts outside the table takes the lowest
        threshold measured for at least as many of both, raised to the highest one measured for at most as many of both:
        so it never falls when references, probes or strictness grow. Counts beyond every cell measured at this target
        take the table's highest threshold plus `_headroom`. A target between two measured ones takes the stricter.
        """
        return self._look_up(references, probes, fmr, _in_force)

    def pooled_threshold(self, references: int, probes: int, fmr: float) -> float | None:
        """Return the raw score that the share `fmr` of all strangers reaches, whatever groups they are of.

        For what says no match: under it, no group has to be guarded against. Looked up as `threshold` is.
        """
        return self._look_up(references, probes, fmr, _pooled)

    def zone(self, references: int, probes: int, fmr: float) -> Zone | None:
        """Return how scores are read at `fmr`, or None where nothing was measured for these counts.

        A match needs a score from which even the upper 95 % limit of the measured FMR is within `fmr`. No match is a
        score that would not match at ten times `fmr` either, taken over everybody. What lies between is for a human.
        """
        strict = self.threshold(references, probes, fmr)
        lenient = self.pooled_threshold(references, probes, 10 * fmr)
        if strict is not None:
            return Zone(lenient, strict, approve_from=self._look_up(references, probes, fmr, _approving))
        floor = self.strictest(references, probes)
        if floor is None:
            return None
        least = self.pooled_threshold(references, probes, floor[0])
        return Zone(reject_below=least if lenient is None else lenient, threshold=floor[1], approve_from=None)

    def strictest(self, references: int, probes: int) -> tuple[float, float] | None:
        """Return the lowest FMR that was measured for these counts and its threshold."""
        for fmr in sorted({point.fmr for cell in self.cells for point in cell.points}):
            threshold = self.threshold(references, probes, fmr)
            if threshold is not None:
                return fmr, threshold
        return None

    def cost(self, references: int, probes: int, fmr: float) -> Share | None:
        """Return the FNMR at the threshold in force; None where these counts have no cell that was measured so far."""
        cell = next((each for each in self.cells if (each.references, each.probes) == (references, probes)), None)
        point = cell.at(fmr) if cell else None
        return point.cost if point else None

    def worst(self, fmr: float) -> tuple[GroupRates, GroupRate] | None:
        """Return the group in which the pooled threshold for `fmr` is wrong most often, and how often it is.

        By single pictures. None where no group was measured at a target that strict.
        """
        rates = [(group, rate) for group in self.groups if (rate := group.at(fmr)) is not None]
        return max(rates, key=lambda pair: pair[1].seen, default=None)

    def caveats(self, fmr: float) -> tuple[Caveat, ...]:
        """Return what to know of this policy's groups at `fmr`."""
        worst = self.worst(fmr)
        if worst is None:
            return (Caveat.GROUPS_NOT_MEASURED,)
        points = [point for cell in self.cells if cell.references == cell.probes == 1 and (point := cell.at(fmr))]
        unequal = worst[1].seen >= FAR_APART * worst[1].fmr
        unshown = any(point.held is not None and not point.held.shown for point in points)
        found = {Caveat.GROUPS_UNEQUAL: unequal, Caveat.GROUP_NOT_SHOWN: unshown}
        return tuple(caveat for caveat, holds in found.items() if holds)

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

    def _look_up(self, references: int, probes: int, fmr: float, level: Level) -> float | None:
        if references < 1 or probes < 1 or not fmr > 0:
            return None
        points = [cell.at(fmr) for cell in self.cells if cell.covers(references, probes)]
        covering = [level(point) for point in points if point is not None]
        below = [_at_or_strictest(cell, fmr, level) for cell in self.cells if cell.within(references, probes)]
        if covering:
            return max([min(covering), *below])
        headroom = self._headroom(fmr, level)
        if headroom is None:
            return None
        return max(_at_or_strictest(cell, fmr, level) for cell in self.cells) + headroom

    def _headroom(self, fmr: float, level: Level) -> float | None:
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
        rise = _at_or_strictest(largest, fmr, level) - _at_or_strictest(single, fmr, level)
        return max(0.0, rise) / (min(largest.references, largest.probes) - 1)


def logistic(x: float) -> float:
    """Return 1 / (1 + exp(-x)) without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    odds = math.exp(max(x, -700.0))
    return odds / (1.0 + odds)


def _at_or_strictest(cell: Cell, fmr: float, level: Level) -> float:
    return level(cell.at(fmr) or cell.points[-1])


def _problems(policy: Policy) -> Iterator[str]:
    if not policy.name or not policy.model or not policy.provenance.data_set:
        yield "it has no name, model or data set"
    if not policy.cells:
        yield "it has no measured cell"
    keys = [(cell.references, cell.probes) for cell in policy.cells]
    if len(set(keys)) != len(keys):
        yield "a cell is given twice"
    for cell in policy.cells:
        for problem in cell_problems(cell):
            yield f"cell {cell.references}, {cell.probes}: {problem}"
    yield from group_problems(policy.groups, policy.cells)
    yield from search_problems(policy.searches)
