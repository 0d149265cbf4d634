"""The charts of a report as PNG files."""

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from heirloom.evaluation import axes as where
from heirloom.evaluation.report import Chart, DetChart, Report, ScoreChart, picture_name

DASHES = ("-", "--", ":", "-.", (0, (8, 2)), (0, (1, 3)))


def write_charts(report: Report, folder: Path, stem: str) -> tuple[Path, ...]:
    """Write every chart of the report into the folder and return the files, named as `markdown` names them."""
    written = []
    for name, chart in report.charts():
        path = folder / picture_name(stem, name)
        write(chart, path)
        written.append(path)
    return tuple(written)


def write(chart: Chart, path: Path) -> None:
    """Write one chart."""
    figure = Figure(figsize=(8, 5.5), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    (_det if isinstance(chart, DetChart) else _scores)(axes, chart)  # type: ignore[arg-type]
    axes.set_title(chart.title, fontsize="medium", wrap=True)
    axes.grid(visible=True, linewidth=0.3)
    figure.savefig(path, format="png", bbox_inches="tight")


def _det(axes: Axes, chart: DetChart) -> None:
    ticks = where.det_ticks(chart)
    for place, curve in enumerate(chart.curves):
        color = colormaps["viridis"](place / len(chart.curves))
        dashes = DASHES[place % len(DASHES)]
        for points, width, label in (
            (curve.points, 0.6, "_thin"),
            (curve.points[curve.sure], 1.8, curve.label),
        ):
            shown = where.drawable(points)
            across, up = where.deviates(shown[:, 0]), where.deviates(shown[:, 1])
            axes.plot(across, up, color=color, linestyle=dashes, linewidth=width, label=label)
    axes.set_xticks(where.deviates(ticks.across), [where.percent(tick) for tick in ticks.across])
    axes.set_yticks(where.deviates(ticks.up), [where.percent(tick) for tick in ticks.up])
    axes.set_xlim(*where.deviates(ticks.range_across))
    axes.set_ylim(*where.deviates(ticks.range_up))
    axes.set_xlabel(chart.across)
    axes.set_ylabel(chart.up)
    axes.legend(title=chart.legend, fontsize="small", title_fontsize="small")


def _scores(axes: Axes, chart: ScoreChart) -> None:
    for place, spread in enumerate(chart.spreads):
        color = colormaps["viridis"](0.1 + 0.75 * place / max(1, len(chart.spreads) - 1))
        label = f"{spread.label} ({spread.total:,})"
        axes.stairs(spread.shares, chart.edges, color=color, fill=True, alpha=0.35, label=label)
        axes.stairs(spread.shares, chart.edges, color=color, linestyle=DASHES[place % len(DASHES)], linewidth=1.2)
    top = max((float(np.max(spread.shares, initial=0)) for spread in chart.spreads), default=0) * 1.15 or 1.0
    for mark in chart.marks:
        axes.axvline(mark.score, color="0.3", linewidth=0.8, linestyle="--")
        axes.text(mark.score, top, f" {mark.label}", fontsize="x-small", rotation=90, va="top", ha="right")
    axes.set_ylim(0, top)
    axes.set_xlim(float(chart.edges[0]), float(chart.edges[-1]))
    axes.yaxis.set_major_formatter(lambda share, _place: where.percent(round(share, 4)))
    axes.set_xlabel(chart.across)
    axes.set_ylabel("share of the scores")
    axes.legend(fontsize="small")
