"""What was found, as values. The terminal, Markdown, HTML and PNG each show the same report in their own way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are read; every row is as long as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError("a row is not as long as the header")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One error rate over another. points: (n, 2) in [0, 1], by falling first rate. sure: (n,) whether enough errors
    stand behind the point's first rate.
    """

    label: str
    points: Doubles
    sure: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DetChart:
    """Detection error tradeoffs, both axes on normal deviates (Martin et al., "The DET curve", 1997)."""

    title: str
    across: str
    up: str
    legend: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How scores lie. shares: (bins,) of all its scores; what the chart's range leaves out is in none of them."""

    label: str
    shares: Doubles
    total: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A score that is drawn as a line."""

    label: str
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class ScoreChart:
    """Histograms over one axis. edges: (bins + 1,), evenly spaced."""

    title: str
    across: str
    edges: Doubles
    spreads: tuple[Spread, ...]
    marks: tuple[Mark, ...] = ()


Chart = DetChart | ScoreChart


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One part. name: short and unique in the report, for files and anchors."""

    name: str
    title: str
    text: tuple[str, ...] = ()
    table: Table | None = None
    chart: Chart | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """title, what was measured and how, and the parts in order."""

    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]

    def charts(self) -> tuple[tuple[str, Chart], ...]:
        """Return each chart with the name of its section."""
        return tuple((section.name, section.chart) for section in self.sections if section.chart is not None)


def markdown(report: Report, stem: str) -> str:
    """Return the report as Markdown; its charts are the files `<stem>-<section>.png` beside it."""
    parts = [f"# {report.title}", *report.lead]
    for section in report.sections:
        parts += [f"## {section.title}", *section.text]
        parts += [piped(section.table)] if section.table else []
        parts += [f"![{section.chart.title}]({picture_name(stem, section.name)})"] if section.chart else []
    return "\n\n".join(part for part in parts if part) + "\n"


def picture_name(stem: str, section: str) -> str:
    return f"{stem}-{section}.png"


def piped(table: Table) -> str:
    """Return a table as Markdown writes it."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (table.header, ["---"] * len(table.header), *table.rows))


def plain(report: Report) -> str:
    """Return the report for a terminal: titles, and tables in columns as wide as they need; charts are left out."""
    parts = [report.title, *report.lead]
    for section in report.sections:
        if section.chart is None or section.table is not None:
            parts += [section.title, *section.text, *([_aligned(section.table)] if section.table else [])]
    return "\n\n".join(part for part in parts if part)


def _aligned(table: Table) -> str:
    lines: Sequence[tuple[str, ...]] = (table.header, *table.rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.header))]
    told = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([told[0], "-" * max(map(len, told)), *told[1:]])
