"""Runs the mmod network over a pyramid of ratio 5/6, skipping what cannot hold a face.

A face that scores at one level scores almost as well at a neighbour: of 138 faces found here none had its better
neighbour under -0.02, the six apart whose best level was the finest. So every other level is scanned whole, the finest
included, and a level between two of them only around the windows that came near in either. The scores are those of a
whole scan; about a third of the work is saved.

A GPU scans all levels at once instead (`mosaic`): there it is runs that cost, not pixels.

Levels are scanned from the coarsest on. Where faces much smaller than the largest do not matter, the scan ends with
the level that shows the smallest that does: a face that fills a third of the picture saves the finest level, which
costs as much as all others together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from heirloom.vision.detection import Pixels
from heirloom.vision.packs import mosaic
from heirloom.vision.runtime import Network
from heirloom.vision.types import Floats

WINDOW_PX = 80
STRIDE_PX = mosaic.STRIDE_PX
FIRST_CENTRE_PX = 14
"""Output cell (x, y) is a window centred at (8x + 14, 8y + 14)."""

RATIO = 5 / 6
SMALLEST_LEVEL_PX = 64
"""A level shorter than this is not scanned: the window covers it whole, zero padding included."""

HINT_MARGIN = 0.5
"""A window this far under the lowest score asked for still makes the levels beside its own worth a look."""

REACH_PX = 96
"""Half the pixels that one score depends on: three strided 5x5, three 5x5 and a 9x9 kernel see 189 of them."""

AROUND_PX = 24
"""How far from a hint, in pixels of the level looked into, its best window may lie."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Windows:
    """boxes: (n, 4) float64: x, y, width, height in pixels of the picture scanned; scores: (n,) float64."""

    boxes: Doubles
    scores: Doubles


@dataclass(frozen=True, slots=True)
class _Level:
    """One size of the picture.

    pixels: (height, width, 4) uint8, marked as the graph takes it. ratio: (2,) pixels of the picture to one of the
    level, across and down.
    """

    pixels: Pixels
    ratio: Doubles

    def boxes(self, columns: NDArray[np.intp], rows: NDArray[np.intp]) -> Doubles:
        middle = (STRIDE_PX * np.column_stack([columns, rows]) + float(FIRST_CENTRE_PX)) * self.ratio
        side = np.broadcast_to(WINDOW_PX * self.ratio, middle.shape)
        return np.hstack([middle - side / 2, side])


def scan(network: Network, pixels: Pixels, lowest: float, least_share: float = 0.0) -> Windows:
    """Return every window of the pyramid that scores over `lowest`.

    Windows smaller than `least_share` of the largest may be left out.
    """
    levels = list(_levels(pixels))
    if network.fixed_shapes:
        return _together(_at_once(network, levels, lowest), lowest)
    near: dict[int, Windows] = {}
    for index in reversed(range(0, len(levels), 2)):
        near[index] = _within(network, levels[index], lowest - HINT_MARGIN)
        if _smallest_seen(levels[index]) <= least_share * _largest(near, lowest):
            break
    found = list(near.values())
    for index in range(1, len(levels), 2):
        hints = np.concatenate([np.empty((0, 4)), *(near[k].boxes for k in (index - 1, index + 1) if k in near)])
        if len(hints):
            found.append(_around(network, levels[index], hints, lowest))
    return _together(found, lowest)


def _at_once(network: Network, levels: list[_Level], lowest: float) -> list[Windows]:
    """Scan every level whole, in one run."""
    if not levels:
        return []
    scores = mosaic.scores(network, [level.pixels for level in levels])
    return [_over(level, each, lowest, np.array([0, 0])) for level, each in zip(levels, scores, strict=True)]


def _together(found: list[Windows], lowest: float) -> Windows:
    boxes = np.concatenate([windows.boxes for windows in found]) if found else np.empty((0, 4))
    scores = np.concatenate([windows.scores for windows in found]) if found else np.empty(0)
    return Windows(boxes[scores > lowest], scores[scores > lowest])


def _smallest_seen(level: _Level) -> float:
    """The side of the smallest face that a level and its finer neighbor show, in pixels of the picture."""
    return float(WINDOW_PX * level.ratio.max() * RATIO)


def _largest(near: dict[int, Windows], lowest: float) -> float:
    """The side of the largest window over `lowest`; 0 where there is none."""
    sides = [windows.boxes[windows.scores > lowest, 2].max(initial=0.0) for windows in near.values()]
    return float(max(sides))


def _levels(pixels: Pixels) -> Iterator[_Level]:
    marked = np.dstack([pixels, np.ones(pixels.shape[:2], np.uint8)])
    level, size = marked, np.array([pixels.shape[1], pixels.shape[0]], np.float64)
    while min(level.shape[:2]) >= SMALLEST_LEVEL_PX:
        yield _Level(level, size / (level.shape[1], level.shape[0]))
        smaller = round(level.shape[1] * RATIO), round(level.shape[0] * RATIO)
        level = np.asarray(cv2.resize(level, smaller, interpolation=cv2.INTER_LINEAR), np.uint8)


def _within(network: Network, level: _Level, lowest: float) -> Windows:
    scores = _scores(network, level.pixels)
    return _over(level, scores, lowest, np.array([0, 0]))


def _scores(network: Network, pixels: Pixels) -> Floats:
    """The score of every cell of a marked picture."""
    scores: Floats = network.run(pixels[None])[0, 0]
    return scores


def _around(network: Network, level: _Level, hints: Doubles, lowest: float) -> Windows:
    """Scan the rectangle around all hints, on the same grid of cells as the whole level has."""
    middles = (hints[:, :2] + hints[:, 2:] / 2) / level.ratio
    size = np.array([level.pixels.shape[1], level.pixels.shape[0]])
    margin = AROUND_PX + REACH_PX
    low = np.clip((np.floor(middles.min(axis=0)) - margin).astype(int) // STRIDE_PX * STRIDE_PX, 0, None)
    high = np.minimum(np.ceil(middles.max(axis=0)).astype(int) + margin, size)
    scores = _scores(network, level.pixels[low[1] : high[1], low[0] : high[0]])
    return _over(level, _trusted(scores, low, high, size), lowest, low // STRIDE_PX)


def _trusted(scores: Floats, low: NDArray[np.int_], high: NDArray[np.int_], size: NDArray[np.int_]) -> Floats:
    """Blank the cells that see beyond an edge of the region where the level itself goes on."""
    rows, columns = scores.shape
    kept = np.full_like(scores, -np.inf)
    ranges = []
    for axis, count in ((0, columns), (1, rows)):
        centres = STRIDE_PX * np.arange(count) + FIRST_CENTRE_PX
        inside = np.ones(count, np.bool_)
        if low[axis] > 0:
            inside &= centres >= REACH_PX
        if high[axis] < size[axis]:
            inside &= centres <= high[axis] - low[axis] - REACH_PX
        ranges.append(inside)
    trusted = np.ix_(ranges[1], ranges[0])
    kept[trusted] = scores[trusted]
    return kept


def _over(level: _Level, scores: Floats, lowest: float, offset: NDArray[np.int_]) -> Windows:
    rows, columns = np.nonzero(scores > lowest)
    return Windows(level.boxes(columns + offset[0], rows + offset[1]), scores[rows, columns].astype(np.float64))
