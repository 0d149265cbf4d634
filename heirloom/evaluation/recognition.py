"""The parts of a report about a recogniser: thresholds with their errors, and how the scores lie."""

from collections.abc import Sequence

import numpy as np

from heirloom.decision.policy import Policy
from heirloom.decision.policy_cells import Point
from heirloom.evaluation.calibration import MATED_DRAWS, HeldOut, Measured
from heirloom.evaluation.det import recognition_chart
from heirloom.evaluation.rates import caveat
from heirloom.evaluation.report import Mark, ScoreChart, Section, Spread, Table

SHOWN = (1e-3, 1e-4)
BINS = 80
LEAST_SHOWN = 1e-3
"""The histogram begins where all but this share of the non-mated scores lie above."""


def cells_section(measured: Sequence[Measured]) -> Section:
    """Return every published cell with its counts, thresholds and intervals."""
    header = ("references, probes", "non-mated pairs", "pairs of people", "mated", "FMR", "threshold", "match from")
    rows = [
        _row(one, point) for one in measured for point in (one.cell.points if one.cell else ()) if point.fmr in SHOWN
    ]
    if not rows:
        return Section("cells", "No cell can be published", table=_counts(measured))
    return Section("cells", "Published cells", (EXPLAINED,), Table((*header, "FNMR (95 % Wilson)"), tuple(rows)))


EXPLAINED = (
    "*threshold*: the lowest score that no more than the target share of non-mated comparisons reach; similarity "
    "0.5. *match from*: where even the upper 95 % limit of the FMR is within the target; between the two, and down "
    "to the threshold at ten times the FMR, a human decides. Several pictures are compared by the mean of their "
    "unit vectors; references and probes may change places, for the score does not know which is which. Where "
    "templates were dealt into groups more than once, the draws are named: a picture then stands in several "
    f"groups, and the pairs say less than their number. FNMR is the mean of {MATED_DRAWS} draws; its interval "
    "counts the comparisons of one draw, in which no picture is used twice. Pairs share people, so all intervals "
    "are narrower than the truth."
)


def unpublished_section(measured: Sequence[Measured], policy: Policy) -> Section | None:
    """Return what the policy's rule gives where too few pairs stand behind a cell, and what was seen of it."""
    rows = [
        (f"{one.references}, {one.probes}", f"{target:g}", *_seen_by_rule(one, target, policy))
        for one in measured
        for target in SHOWN
        if not (one.cell and any(point.fmr == target for point in one.cell.points))
    ]
    if not rows:
        return None
    header = ("references, probes", "FMR", "threshold by the rule", "FMR seen", "FNMR seen", "caution")
    words = "Here the stricter measured cell, or the table's headroom, is used instead."
    return Section("unpublished", "Too few pairs to publish", (words,), Table(header, tuple(rows)))


def operating_section(measured: Sequence[Measured], policy: Policy) -> Section:
    """Return what a policy's thresholds do on these pictures, whatever it was measured on."""
    rows = [row for one in measured for target in SHOWN if (row := _at_policy(one, target, policy)) is not None]
    header = ("references, probes", "target FMR", "threshold", "FMR seen (95 % Wilson)", "FNMR seen (95 % Wilson)")
    table = Table((*header, "match from", "not approved", "caution"), tuple(rows))
    origin = policy.provenance
    judged = f"The policy `{policy.name}`, measured on: {origin.data_set}, {origin.people:,} people."
    return Section("operating", "Errors at the thresholds", (judged, NOT_APPROVED), table)


NOT_APPROVED = (
    "*not approved*: mated comparisons under the score from which the machine approves by itself; a human sees most of "
    "those. Where the FMR seen is over its target, these pictures are harder than what the policy was measured on: "
    "calibrate on them. Pairs share people, so all intervals are narrower than the truth."
)


def held_out_section(held_out: Sequence[HeldOut]) -> Section | None:
    """Return what thresholds that were set on half of the people do on the other half."""
    rows = [
        (
            f"{one.references}, {one.probes}",
            one.set_on,
            f"{one.target:g}",
            f"{one.threshold:.4f}",
            one.fmr.fine(),
            str(one.fnmr),
        )
        for one in held_out
    ]
    if not rows:
        return None
    header = ("references, probes", "set on", "target FMR", "threshold", "FMR on the others", "FNMR on the others")
    words = (
        "Thresholds set on one half of the people by the same rule, and tested on the other half, both ways. Where the "
        "two differ by more than their intervals say, a few people with many pictures stand behind the cell."
    )
    return Section("held-out", "Do the thresholds hold for other people?", (words,), Table(header, tuple(rows)))


def chart_sections(measured: Sequence[Measured], policy: Policy | None, model: str) -> tuple[Section, ...]:
    """Return the DET curves, and the scores of single pictures; none where there are no pairs of both kinds."""
    found = []
    curves = recognition_chart(measured, f"{model}: detection error tradeoff")
    if curves:
        words = "Thin parts of a curve have fewer than 30 false matches behind them."
        found.append(Section("det", "Detection error tradeoff", (words,), chart=curves))
    single = next((one for one in measured if (one.references, one.probes) == (1, 1)), None)
    if single and single.non_mated.total and len(single.mated_scores):
        found.append(Section("scores", "Scores of single pictures", chart=_score_chart(single, policy, model)))
    return tuple(found)


def _score_chart(single: Measured, policy: Policy | None, model: str) -> ScoreChart:
    low = single.non_mated.threshold(1 - LEAST_SHOWN)
    edges = np.linspace(min(low, float(single.mated_scores.min())), 1.0, BINS + 1)
    spreads = (
        Spread("non-mated", single.non_mated.shares(edges), single.non_mated.total),
        Spread("mated", np.histogram(single.mated_scores, edges)[0] / len(single.mated_scores), single.mated_trials),
    )
    thresholds = [(target, policy.threshold(1, 1, target)) for target in SHOWN] if policy else []
    marks = tuple(Mark(f"FMR {target:g}", score) for target, score in thresholds if score is not None)
    return ScoreChart(f"{model}: scores of single pictures", "raw score", edges, spreads, marks)


def _row(one: Measured, point: Point) -> tuple[str, ...]:
    dealt = "" if one.draws == 1 else f" ({one.draws} draws)"
    return (
        f"{one.references}, {one.probes}",
        f"{one.non_mated.total:,}{dealt}",
        f"{one.people_pairs:,}",
        f"{one.mated_trials:,}",
        f"{point.fmr:g}",
        f"{point.threshold:.4f}",
        f"{point.upper_threshold:.4f}",
        str(one.fnmr(point.threshold)),
    )


def _counts(measured: Sequence[Measured]) -> Table:
    rows = [
        (f"{one.references}, {one.probes}", f"{one.non_mated.total:,}", f"{one.mated_trials:,}", one.why_not)
        for one in measured
    ]
    return Table(("references, probes", "non-mated pairs", "mated", "why not"), tuple(rows))


def _seen_by_rule(one: Measured, target: float, policy: Policy) -> tuple[str, str, str, str]:
    threshold = policy.threshold(one.references, one.probes, target)
    if threshold is None:
        return "none: goes to review", "", "", ""
    fmr = one.non_mated.fmr(threshold) if one.non_mated.total else None
    missed = str(one.fnmr(threshold)) if one.mated_trials else "no comparison"
    return f"{threshold:.4f}", f"{fmr.value:.2g}" if fmr else "no comparison", missed, caveat(fmr) if fmr else ""


def _at_policy(one: Measured, target: float, policy: Policy) -> tuple[str, ...] | None:
    zone = policy.zone(one.references, one.probes, target)
    if zone is None or not one.non_mated.total:
        return None
    fmr = one.non_mated.fmr(zone.threshold)
    missed = str(one.fnmr(zone.threshold)) if one.mated_trials else "no comparison"
    approve = zone.approve_from
    return (
        f"{one.references}, {one.probes}",
        f"{target:g}",
        f"{zone.threshold:.4f}",
        fmr.fine(),
        missed,
        "none" if approve is None else f"{approve:.4f}",
        f"{one.fnmr(approve).value:.2%}" if approve is not None and one.mated_trials else "all",
        caveat(fmr),
    )
