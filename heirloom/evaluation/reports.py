"""Whole reports, and the files that show them."""

from collections.abc import Sequence
from pathlib import Path

from heirloom.decision.policy import Policy
from heirloom.evaluation import html, png
from heirloom.evaluation import recognition as parts
from heirloom.evaluation.calibration import HeldOut, Measured
from heirloom.evaluation.proposal import Source
from heirloom.evaluation.report import Report, Section, markdown


def of_calibration(
    source: Source, measured: Sequence[Measured], policy: Policy | None, held_out: Sequence[HeldOut] = ()
) -> Report:
    """Return what stands behind a proposal: every cell, what too few pairs leave open, and whether it carries over."""
    sections = (
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
    charts = parts.chart_sections(measured, policy, source.model)
    return Report(source.model, source.lead(), (errors, *charts, *attacks))


NO_POLICY = Section("operating", "No policy", ("This recogniser has no policy: nothing is a match by itself.",))


def write(report: Report, folder: Path, stem: str) -> Path:
    """Write the report as Markdown, as one HTML page and as PNG charts; return the HTML page."""
    folder.mkdir(parents=True, exist_ok=True)
    png.write_charts(report, folder, stem)
    (folder / f"{stem}.md").write_text(markdown(report, stem), encoding="utf-8")
    page = folder / f"{stem}.html"
    page.write_text(html.page(report), encoding="utf-8")
    return page
