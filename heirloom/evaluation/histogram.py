"""Non-mated scores by the million, counted instead of kept."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heirloom.evaluation.rates import Z_95, Rate, rate

BINS = 200_000
STEP = 2.0 / BINS  # cosine scores lie in [-1, 1]; thresholds come out as multiples of this


@dataclass(slots=True)
class ScoreHistogram:
    """Counts of scores in [-1, 1] in bins of STEP. A threshold found here is a bin's lower edge."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))

    def add(self, scores: NDArray[np.floating]) -> None:
        """Count scores of any shape; what rounding put outside [-1, 1] counts at its end."""
        places = np.clip(np.floor((scores.ravel().astype(np.float64) + 1.0) / STEP), 0, BINS - 1).astype(np.int64)
        self.counts += np.bincount(places, minlength=BINS)

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def at_or_over(self) -> NDArray[np.int64]:
        """Return (BINS + 1,) int64: how many scores lie at or over each bin's lower edge; the last is 0."""
        return np.append(np.cumsum(self.counts[::-1])[::-1], 0)

    def threshold(self, fmr: float) -> float:
        """Return the lowest edge at or over which at most `fmr` of the scores lie."""
        return self._edge(self.at_or_over() <= fmr * self.total)

    def upper_threshold(self, fmr: float) -> float:
        """Return the lowest edge where even the upper Wilson limit (95 %) of the FMR is at most `fmr`; at most 1."""
        n = self.total
        share = self.at_or_over() / n
        z2 = Z_95 * Z_95
        high = (share + z2 / (2 * n) + Z_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        return self._edge(high <= fmr)

    def fmr(self, threshold: float) -> Rate:
        """Return the FMR at a threshold, exact where it is an edge, else counting the whole bin it lies in."""
        place = int(np.clip(np.floor((threshold + 1.0) / STEP + 1e-6), 0, BINS))
        return rate(int(self.at_or_over()[place]), self.total)

    def shares(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (len(edges) - 1,): the share of all scores between each two of the rising edges, bins taken whole."""
        below = self.total - self.at_or_over()
        places = np.clip(np.round((edges + 1.0) / STEP), 0, BINS).astype(np.int64)
        return np.asarray(np.diff(below[places]) / max(1, self.total), np.float64)

    def centers(self) -> NDArray[np.float64]:
        return np.linspace(-1.0, 1.0, BINS, endpoint=False) + STEP / 2

    def halved(self) -> "ScoreHistogram":
        """Return half of the counts, rounded so that each tail is rounded up.

        Where each pair was met from both sides, rounding may have put its two scores into neighboring bins.
        """
        tail = (np.cumsum(self.counts[::-1]) + 1) // 2
        return ScoreHistogram(np.diff(tail, prepend=0)[::-1].copy())

    @staticmethod
    def _edge(good: NDArray[np.bool_]) -> float:
        if not good.any():
            return 1.0
        return round(min(1.0, -1.0 + int(np.argmax(good)) * STEP), 5)
