"""What was measured of one recogniser: cells of operating points, and what these do within groups of people."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

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
class Share:
    """A share of comparisons with the limits of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Held:
    """An operating point held to the worst measured group.

    threshold: the lowest raw score from which the FMR is over the target neither among everybody nor within any
    measured group. upper_threshold: from it, even the upper limits are within the target, as far as pairs can show.
    group: whose threshold it is, as `GroupRates.label` writes it.
    fnmr, fnmr_low, fnmr_high: the share of all mated comparisons below `threshold`, with its Wilson 95 % interval.
    shown: whether that group has pairs of people enough to show the target (MIN_PEOPLE_PAIRS_PER_TARGET / FMR); where
    not, `GroupRates.shown_to` says how far it is shown, and below that the threshold is the best known and no proof.
    """

    threshold: float
    upper_threshold: float
    group: str
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    shown: bool


@dataclass(frozen=True, slots=True)
class Point:
    """One measured operating point.

    threshold: the raw score from which at most `fmr` of the non-mated comparisons matched.
    upper_threshold: the raw score from which even the upper 95 % limit of the measured FMR stays within `fmr`.
    fnmr, fnmr_low, fnmr_high: the share of mated comparisons below `threshold`, with its Wilson 95 % interval.
    held: the same held to the worst measured group; None where no group was measured. What is in force is the held
    one where there is one.
    """

    fmr: float
    threshold: float
    upper_threshold: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    held: Held | None = None

    @property
    def cost(self) -> Share:
        """Return the FNMR at the threshold in force."""
        one = self.held or self
        return Share(one.fnmr, one.fnmr_low, one.fnmr_high)


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
class GroupRate:
    """What the pooled threshold for one target does within a group.

    fmr: the target. threshold: the pooled one. seen, low, high: the FMR within the group, with its 95 % interval over
    people. fnmr, fnmr_low, fnmr_high: the same for the mated comparisons; None where the group has none.
    """

    fmr: float
    threshold: float
    seen: float
    low: float
    high: float
    fnmr: float | None
    fnmr_low: float | None
    fnmr_high: float | None


@dataclass(frozen=True, slots=True)
class GroupRates:
    """One group of people and what the pooled thresholds do to it, by single pictures.

    attribute: what divides people, "race". name: which of its values they have, "asian".
    people_pairs, non_mated: pairs of different people, and of their pictures, both of the group.
    """

    attribute: str
    name: str
    people: int
    images: int
    people_pairs: int
    non_mated: int
    rates: tuple[GroupRate, ...]

    @property
    def label(self) -> str:
        return f"{self.attribute}: {self.name}"

    @property
    def shown_to(self) -> float:
        """Return the lowest FMR that so many pairs of people can show."""
        return min(1.0, MIN_PEOPLE_PAIRS_PER_TARGET / max(1, self.people_pairs))

    def at(self, fmr: float) -> GroupRate | None:
        """Return the rate for the most lenient target that is `fmr` or stricter."""
        return next((one for one in self.rates if one.fmr <= fmr * (1 + 1e-9)), None)


def cell_problems(cell: Cell) -> Iterator[str]:
    """Yield what is wrong with a cell by itself."""
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
        if not (lenient.fmr > strict.fmr and _rises(lenient, strict)):
            yield f"thresholds do not rise from FMR {lenient.fmr:g} to {strict.fmr:g}"


def group_problems(groups: tuple[GroupRates, ...], cells: tuple[Cell, ...]) -> Iterator[str]:
    """Yield where groups are not whole, or do not fit what points are held to."""
    labels = {group.label for group in groups}
    if len(labels) != len(groups):
        yield "a group is given twice"
    points = [point for cell in cells for point in cell.points]
    if any((point.held is not None) != bool(groups) for point in points):
        yield "points are held to groups, or groups are measured, but not both"
    for point in points:
        if point.held and point.held.group not in labels:
            yield f"a point is held to {point.held.group!r}, which was not measured"
    for group in groups:
        for rate in group.rates:
            if not (0 < rate.fmr < 1 and 0 <= rate.low <= rate.seen <= rate.high <= 1):
                yield f"{group.label}: the FMR is not inside its interval"
        if not group.rates or min(group.people, group.images, group.people_pairs, group.non_mated) < 1:
            yield f"{group.label}: nothing was measured"


def _rises(lenient: Point, strict: Point) -> bool:
    pooled = lenient.threshold <= strict.threshold and lenient.upper_threshold <= strict.upper_threshold
    if lenient.held is None or strict.held is None:
        return pooled
    held = lenient.held.threshold <= strict.held.threshold
    return pooled and held and lenient.held.upper_threshold <= strict.held.upper_threshold


def _point_problems(cell: Cell, point: Point) -> Iterator[str]:
    at = f"at FMR {point.fmr:g}"
    if not 0 < point.fmr < 1:
        yield f"{at}: not a rate"
    elif cell.non_mated * point.fmr < MIN_FALSE_MATCHES * (1 - 1e-9):
        yield f"{at}: {cell.non_mated} non-mated pairs cannot show it"
    elif cell.people_pairs * point.fmr < MIN_PEOPLE_PAIRS_PER_TARGET * (1 - 1e-9):
        yield f"{at}: {cell.people_pairs} pairs of people cannot show it"
    measured: tuple[Point | Held, ...] = (point, point.held) if point.held else (point,)
    for one in measured:
        if not -1 <= one.threshold <= one.upper_threshold <= 1:
            yield f"{at}: thresholds are not scores in order"
        if not 0 <= one.fnmr_low <= one.fnmr <= one.fnmr_high <= 1:
            yield f"{at}: the FNMR is not inside its interval"
    if point.held and not (
        point.threshold <= point.held.threshold and point.upper_threshold <= point.held.upper_threshold
    ):
        yield f"{at}: what is held to a group is more lenient than what is not"
