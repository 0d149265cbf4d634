"""The charts of a report as SVG, to stand inside an HTML page and take its colors."""

from collections.abc import Iterator
from html import escape

import numpy as np

from heirloom.evaluation import axes as where
from heirloom.evaluation.report import Chart, Curve, DetChart, Doubles, ScoreChart

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 48
DASHES = ("", "9 4", "2 4", "10 3 2 3", "5 2", "1 5")
COLORS = len(DASHES)
"""The page defines --line-0 to --line-5. Each has a dash of its own too, for those who do not tell colors apart."""


class _Frame:
    """Maps numbers of a chart to its pixels."""

    def __init__(self, across: tuple[float, float], up: tuple[float, float]) -> None:
        self._across, self._up = across, up

    def x(self, value: float) -> float:
        low, high = self._across
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self._up
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def line(self, xs: Doubles, ys: Doubles) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True))


def drawn(chart: Chart, name: str) -> str:
    """Return the chart as one <svg> with a title and a description that say in words what it shows.

    name: unique in the page; it stands in the ids.
    """
    body = _det(chart, name) if isinstance(chart, DetChart) else _scores(chart)
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-words">',
            f'<title id="{name}-title">{escape(chart.title)}</title>',
            f'<desc id="{name}-words">{escape(_words(chart))}</desc>',
            *body,
            "</svg>",
        ]
    )


def swatch(place: int) -> str:
    """Return the little line that stands before a label in the legend."""
    line = f'<line x1="1" y1="6" x2="35" y2="6" {_stroke(place)} stroke-width="2.5"/>'
    return f'<svg class="swatch" viewBox="0 0 36 12" aria-hidden="true">{line}</svg>'


def labels(chart: Chart) -> tuple[str, ...]:
    """Return what the chart's lines are, in their order."""
    if isinstance(chart, DetChart):
        return tuple(curve.label for curve in chart.curves)
    return tuple(f"{spread.label} ({spread.total:,})" for spread in chart.spreads)


def _det(chart: DetChart, name: str) -> Iterator[str]:
    ticks = where.det_ticks(chart)
    (left, right), (low, high) = where.deviates(ticks.range_across), where.deviates(ticks.range_up)
    frame = _Frame((left, right), (low, high))
    yield from _grid(frame, _labelled(ticks.across), _labelled(ticks.up), chart.across, chart.up)
    box = f'x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}"'
    yield f'<clipPath id="{name}-inside"><rect {box}/></clipPath>'
    yield f'<g clip-path="url(#{name}-inside)" fill="none">'
    for place, curve in enumerate(chart.curves):
        for points, width in ((curve.points, 1), (curve.points[curve.sure], 2.5)):
            shown = where.drawable(points)
            line = frame.line(where.deviates(shown[:, 0]), where.deviates(shown[:, 1]))
            yield f'<polyline points="{line}" {_stroke(place)} stroke-width="{width}"/>'
    yield "</g>"


def _scores(chart: ScoreChart) -> Iterator[str]:
    top = max((float(np.max(spread.shares, initial=0)) for spread in chart.spreads), default=0) * 1.15 or 1.0
    frame = _Frame((float(chart.edges[0]), float(chart.edges[-1])), (0.0, top))
    across = [(tick, f"{tick:g}") for tick in where.round_ticks(float(chart.edges[0]), float(chart.edges[-1]))]
    up = [(tick, where.percent(tick)) for tick in where.round_ticks(0.0, top)]
    yield from _grid(frame, across, up, chart.across, "share of the scores")
    for place, spread in enumerate(chart.spreads):
        steps, heights = np.repeat(chart.edges, 2), np.concatenate([[0.0], np.repeat(spread.shares, 2), [0.0]])
        line = frame.line(steps, heights)
        fill = f'fill="var(--line-{place % COLORS})" fill-opacity="0.25"'
        yield f'<polygon points="{line}" {fill} {_stroke(place)} stroke-width="1.5"/>'
    for mark in chart.marks:
        x = frame.x(mark.score)
        yield f'<line class="mark" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
        at = f"translate({x - 4:.1f} {TOP + 4}) rotate(-90)"
        yield f'<text class="small" transform="{at}" text-anchor="end">{escape(mark.label)}</text>'


def _labelled(rates: tuple[float, ...]) -> list[tuple[float, str]]:
    return [(float(at), where.percent(rate)) for at, rate in zip(where.deviates(rates), rates, strict=True)]


def _grid(
    frame: _Frame, across: list[tuple[float, str]], up: list[tuple[float, str]], under: str, beside: str
) -> Iterator[str]:
    for at, label in across:
        x = frame.x(at)
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
        yield f'<text class="small" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{escape(label)}</text>'
    for at, label in up:
        y = frame.y(at)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield f'<text class="small" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(under)}</text>'
    turned = f"translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"
    yield f'<text transform="{turned}" text-anchor="middle">{escape(beside)}</text>'


def _stroke(place: int) -> str:
    return f'stroke="var(--line-{place % COLORS})" stroke-dasharray="{DASHES[place % len(DASHES)]}"'


def _words(chart: Chart) -> str:
    if isinstance(chart, DetChart):
        told = [_at_middle(chart, curve) for curve in chart.curves]
        return f"{chart.up} over {chart.across}, by {chart.legend}. " + " ".join(told)
    told = [f"{spread.label}: most scores near {_peak(chart, spread.shares):.2f}." for spread in chart.spreads]
    marks = [f"{mark.label} lies at {mark.score:.4f}." for mark in chart.marks]
    return " ".join([*told, *marks])


def _at_middle(chart: DetChart, curve: Curve) -> str:
    """One point of the curve in words: where it comes nearest to the middle tick."""
    ticks = where.det_ticks(chart).across
    wanted = ticks[len(ticks) // 2]
    shown = where.drawable(curve.points)
    if not len(shown):
        return f"{curve.label}: no errors to draw."
    across, up = shown[int(np.argmin(np.abs(np.log(shown[:, 0] / wanted))))]
    return f"{curve.label}: {chart.up} {100 * up:.2g} % at {chart.across} {100 * across:.2g} %."


def _peak(chart: ScoreChart, shares: Doubles) -> float:
    if not len(shares):
        return float(chart.edges[0])
    place = int(np.argmax(shares))
    return float(chart.edges[place : place + 2].mean())
