"""What a calibration hands over: a policy to adopt, and a page that says what stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heirloom.decision.policy import Point, Policy, Provenance
from heirloom.evaluation.calibration import MATED_DRAWS, Measured
from heirloom.evaluation.rates import Rate, caveat

SHOWN = (1e-3, 1e-4)


@dataclass(frozen=True, slots=True)
class Source:
    """What was measured. fta: the share of pictures that gave no template, None where templates were given."""

    model: str
    pack: str
    data_set: str
    people: int
    images: int
    measured_on: str
    command: str
    note: str = ""
    fta: Rate | None = None


def propose(source: Source, measured: Sequence[Measured]) -> Policy | None:
    """Return the policy that these measurements support, or None where they support no cell.

    A cell also holds with references and probes exchanged, unless that was measured by itself.
    """
    found = [one.cell for one in measured if one.cell is not None]
    exchanged = [
        replace(cell, references=cell.probes, probes=cell.references)
        for cell in found
        if cell.references != cell.probes
    ]
    cells = tuple(sorted([*found, *exchanged], key=lambda cell: (cell.references, cell.probes)))
    if not cells:
        return None
    provenance = Provenance(
        source.data_set, source.people, source.images, source.measured_on, source.command, source.note
    )
    return Policy(f"{source.model}@{source.measured_on}", source.model, provenance, cells)


def page(source: Source, measured: Sequence[Measured], policy: Policy | None, plot: str) -> str:
    """Return a Markdown page: every cell with its counts, thresholds and intervals, and what they cannot show."""
    parts = [
        f"# {source.model}",
        f"Measured on {source.measured_on} with `{source.command}` (pack `{source.pack}`): {source.data_set}, "
        f"{source.people:,} people, {source.images:,} pictures with a template."
        + (f" Failure to acquire: {source.fta}." if source.fta else ""),
        source.note,
        "## Published cells" if policy else "## No cell can be published",
        *([_table(measured)] if policy else []),
        _explained(),
        *_unpublished(measured, policy),
        f"![DET curves]({plot})\n\nThin parts of a curve have fewer than 30 false matches behind them.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(measured: Sequence[Measured]) -> str:
    heads = ("references, probes", "non-mated pairs", "pairs of people", "mated", "FMR", "threshold", "match from")
    lines = [f"| {' | '.join(heads)} | FNMR (95 % Wilson) |", "|---" * 8 + "|"]
    for one in measured:
        lines.extend(_row(one, point) for point in (one.cell.points if one.cell else ()) if point.fmr in SHOWN)
    return "\n".join(lines)


def _row(one: Measured, point: Point) -> str:
    dealt = "" if one.draws == 1 else f" ({one.draws} draws)"
    return (
        f"| {one.references}, {one.probes} | {one.non_mated.total:,}{dealt} | {one.people_pairs:,} "
        f"| {one.mated_trials:,} | {point.fmr:g} | {point.threshold:.4f} | {point.upper_threshold:.4f} "
        f"| {one.fnmr(point.threshold)} |"
    )


def _explained() -> str:
    return (
        "*threshold*: the lowest score that no more than the target share of non-mated comparisons reach; similarity "
        "0.5. *match from*: where even the upper 95 % limit of the FMR is within the target; between the two, and down "
        "to the threshold at ten times the FMR, a human decides. Several pictures are compared by the mean of their "
        "unit vectors; references and probes may change places, for the score does not know which is which. Where "
        "templates were dealt into groups more than once, the draws are named: a picture then stands in several "
        f"groups, and the pairs say less than their number. FNMR is the mean of {MATED_DRAWS} draws; its interval "
        "counts the comparisons of one draw, in which no picture is used twice. Pairs share people, so all intervals "
        "are narrower than the truth."
    )


def _unpublished(measured: Sequence[Measured], policy: Policy | None) -> list[str]:
    """Say, for cells or targets with too few pairs, what the policy's rule gives there and what was seen of it."""
    if policy is None:
        return [_counts(measured)]
    lines = [
        f"| {one.references}, {one.probes} | {target:g} | {_seen(one, target, policy)} |"
        for one in measured
        for target in SHOWN
        if not (one.cell and any(point.fmr == target for point in one.cell.points))
    ]
    if not lines:
        return []
    head = "| references, probes | FMR | threshold by the rule | FMR seen | FNMR seen | caution |\n" + "|---" * 6 + "|"
    words = "Here the stricter measured cell, or the table's headroom, is used instead."
    return ["## Too few pairs to publish", words, head + "\n" + "\n".join(lines)]


def _counts(measured: Sequence[Measured]) -> str:
    head = "| references, probes | non-mated pairs | mated | why not |\n|---|---|---|---|"
    rows = [
        f"| {one.references}, {one.probes} | {one.non_mated.total:,} | {one.mated_trials:,} | {one.why_not} |"
        for one in measured
    ]
    return "\n".join([head, *rows])


def _seen(one: Measured, target: float, policy: Policy) -> str:
    threshold = policy.threshold(one.references, one.probes, target)
    if threshold is None:
        return "none: goes to review | | | "
    fmr = one.non_mated.fmr(threshold) if one.non_mated.total else None
    missed = str(one.fnmr(threshold)) if one.mated_trials else "no comparison"
    return f"{threshold:.4f} | {fmr.value if fmr else float('nan'):.2g} | {missed} | {caveat(fmr) if fmr else ''}"
