"""The parts of a report that say whom a recogniser fails: its errors within each group, beside those over everybody."""

from collections.abc import Sequence

from heirloom.decision.policy import Policy
from heirloom.decision.policy_cells import MIN_PEOPLE_PAIRS_PER_TARGET, Held, Point
from heirloom.evaluation.calibration import Measured
from heirloom.evaluation.groups import FEWEST, Within
from heirloom.evaluation.rates import Rate
from heirloom.evaluation.report import Section, Table

SHOWN = (1e-3, 1e-4)
HEADER = (
    "group",
    "people",
    "pairs of people",
    "FMR (95 % over people)",
    "over the pooled",
    "FNMR (95 % Wilson)",
    "over the pooled",
    "caution",
)
EXPLAINED = (
    "Strangers of one group compared with each other, single pictures; each group on its own, with what stands behind "
    "it, as ISO/IEC 19795-10 asks. Within a group every pair of people counts alike, whatever number of pictures they "
    "have. *over the pooled*: how many times the rate over everybody. FMR intervals come from drawing the group's "
    "people again, for pairs share people; where nobody was taken for another, the upper limit is what so many pairs "
    f"of people leave open. A group of fewer than {FEWEST} people is not shown: its rates would say something of each "
    "of them. Strangers of different groups are taken for each other less often, so the rate over everybody lies below "
    "that of most groups."
)
NONE_GIVEN = (
    "No groups were given, so nobody knows whom these thresholds fail: rates over everybody may hide a group in "
    "which strangers are taken for each other a hundred times as often. Name groups of your own people (`--groups`, or "
    "`--group-by` for people enrolled here)."
)
NONE_LARGE = f"Groups were given, but none of {FEWEST} people or more: nobody knows whom these thresholds fail."


def unmeasured_section(*, given: bool) -> Section:
    return Section("groups", "Whom it fails is not measured", (NONE_LARGE if given else NONE_GIVEN,))


def group_sections(
    single: Measured, thresholds: Sequence[tuple[float, float | None]], what: str
) -> tuple[Section, ...]:
    """Return one table for each target: the errors within each group at its threshold, and over everybody.

    single: the cell of single pictures. thresholds: by target, None where there is none.
    """
    return tuple(
        _group_section(single, target, threshold, what) for target, threshold in thresholds if threshold is not None
    )


def _group_section(single: Measured, target: float, threshold: float, what: str) -> Section:
    pooled, missed = single.non_mated.fmr(threshold), single.fnmr(threshold) if single.mated_trials else None
    everybody = (
        "everybody",
        "",
        f"{single.people_pairs:,}",
        pooled.fine(),
        "1",
        str(missed) if missed else "none",
        "1",
        "",
    )
    rows = [_group_row(group, target, threshold, pooled, missed) for group in single.within]
    words = (EXPLAINED, *_worst_over_best(single.within, threshold, pooled))
    title = f"Whom it fails: groups at {what} for FMR {target:g} ({threshold:.4f})"
    return Section(f"groups-{target:g}", title, words, Table(HEADER, (everybody, *rows)))


def _group_row(group: Within, target: float, threshold: float, pooled: Rate, missed: Rate | None) -> tuple[str, ...]:
    seen, lost = group.fmr(threshold), group.fnmr(threshold)
    return (
        group.label,
        f"{group.people:,}",
        f"{group.people_pairs:,}",
        f"{seen.value:.2g} ({seen.low:.2g} to {seen.high:.2g})",
        _times(seen, pooled),
        str(lost) if lost else "no comparison",
        _times(lost, missed) if lost and missed else "",
        _caution(group, target),
    )


def _caution(group: Within, target: float) -> str:
    """What so few can show, in words."""
    least = MIN_PEOPLE_PAIRS_PER_TARGET / group.people_pairs
    return f"{group.people_pairs:,} pairs of people show no rate under {least:.2g}" if least > target else ""


def _times(rate: Rate, pooled: Rate) -> str:
    return _ratio(rate.value / pooled.value) if pooled.errors else ""


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _worst_over_best(groups: Sequence[Within], threshold: float, pooled: Rate) -> tuple[str, ...]:
    """For each attribute: how many times as often the worst group errs as the best."""
    told = []
    for attribute in dict.fromkeys(group.attribute for group in groups):
        rates = {group.name: group.fmr(threshold) for group in groups if group.attribute == attribute}
        worst, best = (pick(rates, key=lambda name: rates[name].value) for pick in (max, min))
        if len(rates) > 1 and pooled.errors:
            best_rate = rates[best].value
            times = _ratio(rates[worst].value / best_rate) if best_rate else "no error seen in the best"
            over = f"{worst} has {_times(rates[worst], pooled)} times the pooled FMR"
            told.append(f"{attribute}: {over}; worst over best ({worst} over {best}): {times}.")
    return tuple(told)


HELD = (
    "A score is a match from the threshold at which even the worst measured group meets the target; what lies between "
    "the pooled threshold at ten times the FMR and *match from* goes to a human. *target shown*: whether that group "
    f"has {MIN_PEOPLE_PAIRS_PER_TARGET} / FMR pairs of people; where it has not, the threshold lies over what was seen "
    "of it, and no more is known. A group too small in a cell is held to what it needed over the pooled threshold for "
    "single pictures."
)


def held_section(measured: Sequence[Measured], policy: Policy) -> Section:
    """Return what is in force once every threshold is held to the worst group, and what that costs."""
    cells = {(cell.references, cell.probes): cell for cell in policy.cells}
    rows = [
        _held_row(one, point, point.held)
        for one in measured
        if (cell := cells.get((one.references, one.probes)))
        for point in cell.points
        if point.held and point.fmr in SHOWN
    ]
    header = (
        "references, probes",
        "FMR",
        "pooled",
        "threshold",
        "match from",
        "held to",
        "target shown",
        "FNMR (95 % Wilson)",
    )
    return Section("held", "In force: held to the worst group", (HELD,), Table(header, tuple(rows)))


def _held_row(one: Measured, point: Point, held: Held) -> tuple[str, ...]:
    return (
        f"{one.references}, {one.probes}",
        f"{point.fmr:g}",
        f"{point.threshold:.4f}",
        f"{held.threshold:.4f}",
        f"{held.upper_threshold:.4f}",
        held.group,
        "yes" if held.shown else "no",
        str(one.fnmr(held.threshold)),
    )
