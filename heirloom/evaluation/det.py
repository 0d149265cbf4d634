"""The detection error tradeoff: FNMR over FMR on normal-deviate axes (Martin et al., "The DET curve", 1997)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heirloom.evaluation.calibration import Measured

FMR_TICKS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
FNMR_TICKS = (1e-3, 1e-2, 5e-2, 1e-1, 2e-1, 5e-1)


def det_points(measured: Measured) -> NDArray[np.float64]:
    """Return (n, 3) threshold, FMR, FNMR, by rising threshold, where the FMR lies in [1 / pairs, 0.5].

    Raises ZeroDivisionError for a cell without pairs.
    """
    over = measured.non_mated.at_or_over()
    total = measured.non_mated.total
    wanted = np.geomspace(max(1 / total, 1e-7), 0.5, 200)[::-1]
    places = np.unique(np.searchsorted(-over, -wanted * total))
    thresholds = -1.0 + places * (2.0 / (len(over) - 1))
    scores = np.sort(measured.mated_scores)
    missed = np.searchsorted(scores, thresholds, side="left") / max(len(scores), 1)
    return np.column_stack([thresholds, over[places] / total, missed])


def plot(cells: Sequence[Measured], title: str, path: Path) -> None:
    """Write a PNG with one curve per cell; parts that fewer than 30 errors stand behind are drawn thin."""
    figure = Figure(figsize=(8, 6), dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    drawable = [one for one in cells if one.non_mated.total and len(one.mated_scores)]
    for place, measured in enumerate(drawable):
        points = det_points(measured)
        points = points[(points[:, 1] > 0) & (points[:, 2] > 0) & (points[:, 2] < 1)]
        sure = points[points[:, 1] * measured.non_mated.total >= 30]
        label = f"{measured.references}, {measured.probes}"
        color = colormaps["viridis"](place / len(drawable))
        axes.plot(_deviates(points[:, 1]), _deviates(points[:, 2]), color=color, linewidth=0.6)
        axes.plot(_deviates(sure[:, 1]), _deviates(sure[:, 2]), color=color, linewidth=1.8, label=label)
    _label(axes, title)
    figure.savefig(path, format="png", bbox_inches="tight")


def _label(axes: Axes, title: str) -> None:
    axes.set_xticks(_deviates(FMR_TICKS), [f"{tick:g}" for tick in FMR_TICKS])
    axes.set_yticks(_deviates(FNMR_TICKS), [f"{tick:.1%}" for tick in FNMR_TICKS])
    axes.set_xlim(*_deviates((FMR_TICKS[0] / 2, FMR_TICKS[-1])))
    axes.set_ylim(*_deviates((FNMR_TICKS[0] / 2, FNMR_TICKS[-1])))
    axes.set_xlabel("FMR")
    axes.set_ylabel("FNMR")
    axes.set_title(title, fontsize="medium", wrap=True)
    axes.grid(visible=True, linewidth=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(title="references, probes", fontsize="x-small", title_fontsize="x-small")


def _deviates(shares: Iterable[float]) -> list[float]:
    return [NormalDist().inv_cdf(float(share)) for share in shares]
