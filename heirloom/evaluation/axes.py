"""Where things lie in a chart, for whoever draws it."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from heirloom.evaluation.report import DetChart, Doubles

ACROSS_TICKS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
UP_TICKS = (1e-3, 1e-2, 5e-2, 1e-1, 2e-1, 5e-1)
FEW_TICKS = (1e-2, 5e-2, 1e-1, 2e-1, 5e-1)
"""For charts of few trials: a rate that one error in a hundred is the least of."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Rates to label on both axes of a DET chart."""

    across: tuple[float, ...]
    up: tuple[float, ...]

    @property
    def range_across(self) -> tuple[float, float]:
        return self.across[0] / 2, min(0.9, self.across[-1] * 1.5)

    @property
    def range_up(self) -> tuple[float, float]:
        return self.up[0] / 2, min(0.9, self.up[-1] * 1.5)


def det_ticks(chart: DetChart) -> Ticks:
    """Return what to label: small rates only where some curve has enough errors to reach them."""
    reached = min(float(curve.points[:, 0][curve.points[:, 0] > 0].min(initial=1.0)) for curve in chart.curves)
    if reached > FEW_TICKS[0] / 10:
        return Ticks(FEW_TICKS, FEW_TICKS)
    return Ticks(tuple(tick for tick in ACROSS_TICKS if tick >= reached / 2), UP_TICKS)


def drawable(points: Doubles) -> Doubles:
    """Return the points (n, 2) that have a place on normal deviates: both rates inside (0, 1)."""
    return points[(points > 0).all(axis=1) & (points < 1).all(axis=1)]


def deviates(shares: Iterable[float]) -> Doubles:
    """Return the quantiles of the standard normal distribution at these shares."""
    return np.array([NormalDist().inv_cdf(float(share)) for share in shares], np.float64)


def percent(share: float) -> str:
    return f"{100 * share:g} %"


def round_ticks(low: float, high: float) -> tuple[float, ...]:
    """Return four to eight round numbers between two."""
    rough = (high - low) / 6
    size = 10.0 ** np.floor(np.log10(rough))
    step = float(size * next(each for each in (1, 2, 5, 10) if each * size >= rough))
    first = int(np.ceil(low / step - 1e-9))
    return tuple(round(k * step, 10) for k in range(first, int(np.floor(high / step + 1e-9)) + 1))
