"""Whole reports, and the files that show them."""

from collections.abc import Sequence
from pathlib import Path

from heirloom.decision.policy import Policy
from heirloom.evaluation import html, png
from heirloom.evaluation import recognition as parts
from heirloom.evaluation.calibration import HeldOut, Measured
from heirloom.evaluation.differentials import SHOWN, group_sections, held_section, unmeasured_section
from heirloom.evaluation.proposal import Source
from heirloom.evaluation.report import Report, Section, markdown


def of_calibration(
    source: Source, measured: Sequence[Measured], policy: Policy | None, held_out: Sequence[HeldOut] = ()
) -> Report:
    """Return what stands behind a proposal: every cell, what too few pairs leave open, and whether it carries over."""
    sections = (
        *_whom_it_fails(source, measured, policy),
        parts.cells_section(measured),
        parts.unpublished_section(measured, policy) if policy else None,
        parts.held_out_section(held_out),
        *parts.chart_sections(measured, policy, source.model),
    )
    return Report(source.model, source.lead(), tuple(filter(None, sections)))


def of_evaluation(
    source: Source, measured: Sequence[Measured], policy: Policy | None, attacks: Sequence[Section] = ()
) -> Report:
    """Return what a policy does on labelled pictures. policy: None says that there is none, and shows the scores."""
    errors = parts.operating_section(measured, policy) if policy else NO_POLICY
    whom = _groups_at_policy(source, measured, policy)
    charts = parts.chart_sections(measured, policy, source.model)
    return Report(source.model, source.lead(), (errors, *whom, *charts, *attacks))


def _whom_it_fails(source: Source, measured: Sequence[Measured], policy: Policy | None) -> tuple[Section, ...]:
    """What the pooled thresholds of a proposal do within groups, and what they are held to."""
    single = _single(measured)
    if single is None or not single.within or policy is None or not policy.groups:
        return (unmeasured_section(given=bool(source.groups)),)
    thresholds = [(target, policy.pooled_threshold(1, 1, target)) for target in SHOWN]
    return *group_sections(single, thresholds, "the pooled threshold"), held_section(measured, policy)


def _groups_at_policy(source: Source, measured: Sequence[Measured], policy: Policy | None) -> tuple[Section, ...]:
    single = _single(measured)
    if single is None or not single.within:
        return (unmeasured_section(given=bool(source.groups)),)
    thresholds = [(target, policy.threshold(1, 1, target)) for target in SHOWN] if policy else []
    return group_sections(single, thresholds, "the threshold in force")


def _single(measured: Sequence[Measured]) -> Measured | None:
    return next((one for one in measured if one.references == one.probes == 1), None)


NO_POLICY = Section("operating", "No policy", ("This recogniser has no policy: nothing is a match by itself.",))


def write(report: Report, folder: Path, stem: str) -> Path:
    """Write the report as Markdown, as one HTML page and as PNG charts; return the HTML page."""
    folder.mkdir(parents=True, exist_ok=True)
    png.write_charts(report, folder, stem)
    (folder / f"{stem}.md").write_text(markdown(report, stem), encoding="utf-8")
    page = folder / f"{stem}.html"
    page.write_text(html.page(report), encoding="utf-8")
    return page
