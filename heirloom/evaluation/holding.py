"""Thresholds held to the worst measured group, cell by cell, and what the pooled ones do within each group."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heirloom.decision.policy_cells import MIN_PEOPLE_PAIRS_PER_TARGET, Cell, GroupRate, GroupRates, Held, Point
from heirloom.evaluation.calibration import Measured
from heirloom.evaluation.groups import Within

Over = dict[str, list[tuple[float, float]]]
"""By group, for each target: how far over the pooled threshold its own lies, and likewise the upper threshold."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """What one group asks for at one target; the names are those of `Held`."""

    group: str
    threshold: float
    upper_threshold: float


def held(measured: Sequence[Measured]) -> tuple[Measured, ...]:
    """Return the same, every published point held to the worst group; unchanged where no group was measured.

    A point is held to the highest of: its pooled threshold; what each group asks for in this cell; and what is held for
    the same target in every cell of at most as many references and probes, for averaging never lowers a threshold.
    What a group asks for is seen in the cell as far as it has pairs there. A group that is too small in a cell
    (groups.FEWEST) asks for as much over the cell's pooled threshold as it does for single pictures. What is held for
    one target is held for every stricter one.
    """
    single = next((one for one in measured if one.references == one.probes == 1), None)
    if single is None or single.cell is None or not single.within:
        return tuple(measured)
    over = _over_pooled(single, single.cell)
    done: dict[tuple[int, int], Cell] = {}
    for one in sorted(measured, key=lambda each: each.references + each.probes):
        if one.cell is not None:
            below = [done[counts] for counts in done if _within(counts, one)]
            done[one.references, one.probes] = _held_cell(one, one.cell, over, below)
    return tuple(replace(one, cell=done.get((one.references, one.probes))) for one in measured)


def group_rates(single: Measured) -> tuple[GroupRates, ...]:
    """Return what the pooled thresholds of single pictures do within each group."""
    points = single.cell.points if single.cell else ()
    return tuple(
        GroupRates(
            each.attribute,
            each.name,
            each.people,
            each.images,
            each.people_pairs,
            each.non_mated,
            tuple(_rate(each, point) for point in points),
        )
        for each in single.within
        if points
    )


def _rate(group: Within, point: Point) -> GroupRate:
    seen, missed = group.fmr(point.threshold), group.fnmr(point.threshold)
    share = (missed.value, missed.low, missed.high) if missed else (None, None, None)
    return GroupRate(point.fmr, point.threshold, seen.value, seen.low, seen.high, *share)


def _over_pooled(single: Measured, cell: Cell) -> Over:
    targets = [point.fmr for point in cell.points]
    return {
        group.label: [
            (max(0.0, seen - point.threshold), max(0.0, sure - point.upper_threshold))
            for point, (seen, sure) in zip(cell.points, group.thresholds(targets), strict=True)
        ]
        for group in single.within
    }


def _held_cell(one: Measured, cell: Cell, over: Over, below: Sequence[Cell]) -> Cell:
    asked = [_asked(one, cell, label, more) for label, more in over.items()]
    points: list[Point] = []
    for place, point in enumerate(cell.points):
        before = [each.points[place] for each in below if place < len(each.points)] + points[-1:]
        least: list[_Bound | Held] = [bounds[place] for bounds in asked]
        least += [each.held for each in before if each.held]
        worst = max(least, key=lambda bound: bound.threshold)
        threshold = max(point.threshold, worst.threshold)
        upper = max(threshold, point.upper_threshold, *(bound.upper_threshold for bound in least))
        missed = one.fnmr(threshold)
        shown = _shows(one, worst.group, point.fmr)
        points.append(
            replace(point, held=Held(threshold, upper, worst.group, missed.value, missed.low, missed.high, shown))
        )
    return replace(cell, points=tuple(points))


def _asked(one: Measured, cell: Cell, label: str, over: Sequence[tuple[float, float]]) -> list[_Bound]:
    """What one group asks of each point of a cell."""
    group = next((each for each in one.within if each.label == label), None)
    if group is not None:
        found = group.thresholds([point.fmr for point in cell.points])
        return [_Bound(label, threshold, sure) for threshold, sure in found]
    return [
        _Bound(label, round(min(1.0, point.threshold + more), 5), round(min(1.0, point.upper_threshold + sure), 5))
        for point, (more, sure) in zip(cell.points, over, strict=False)
    ]


def _within(counts: tuple[int, int], one: Measured) -> bool:
    """Whether a cell, or the same with its sides exchanged, has at most as many of both."""
    (few, many), (least, most) = sorted(counts), sorted((one.references, one.probes))
    return few <= least and many <= most


def _shows(one: Measured, label: str, fmr: float) -> bool:
    """Whether a group has pairs of people enough in a cell to show this target."""
    pairs = next((group.people_pairs for group in one.within if group.label == label), 0)
    return pairs * fmr >= MIN_PEOPLE_PAIRS_PER_TARGET
