"""Error rates as ISO/IEC 19795-1 (recognition) and ISO/IEC 30107-3 (presentation attacks) name them, with intervals.

A recognition score is higher for more alike, an attack score higher for more likely an attack.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z_95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution
ENOUGH_ERRORS = 30
"""With so many errors the true rate is within 30 % of the measured one at 90 % confidence (Doddington et al., 2000)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`errors` among `trials`, with the limits of the Wilson interval at 95 %."""

    errors: float
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.errors / self.trials

    def __str__(self) -> str:
        return f"{self.value:.2%} ({self.low:.2%} to {self.high:.2%}, n = {self.trials:,})"

    def fine(self) -> str:
        """Return the rate and its interval for small rates, which percents would round away."""
        return f"{self.value:.2g} ({self.low:.2g} to {self.high:.2g}, n = {self.trials:,})"

    def shares(self) -> str:
        """Return the rate and its interval; the count stands elsewhere."""
        return f"{self.value:.2%} ({self.low:.2%} to {self.high:.2%})"


def wilson(errors: float, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return the score interval of a proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    Raises ValueError without trials or with errors outside [0, trials].
    """
    if trials < 1 or not 0 <= errors <= trials:
        raise ValueError(f"{errors} errors among {trials} trials")
    share = errors / trials
    center = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if errors == 0 else (center - half) / scale
    high = 1.0 if errors == trials else (center + half) / scale
    return max(0.0, low), min(1.0, high)


def rate(errors: float, trials: int) -> Rate:
    """Return a rate with its Wilson interval. Raises ValueError without trials."""
    return Rate(errors, trials, *wilson(errors, trials))


def fmr(non_mated: ArrayLike, threshold: float) -> Rate:
    """Return the share of non-mated comparisons that match: score at or over the threshold."""
    return _share(np.asarray(non_mated) >= threshold)


def fnmr(mated: ArrayLike, threshold: float) -> Rate:
    """Return the share of mated comparisons that do not match: score under the threshold."""
    return _share(np.asarray(mated) < threshold)


def fpir(best_scores: ArrayLike, threshold: float) -> Rate:
    """Return the share of searches of people not in the gallery whose best score reaches the threshold.

    best_scores: (searches,).
    """
    return _share(np.asarray(best_scores) >= threshold)


def fnir(scores: ArrayLike, mates: Sequence[int], threshold: float, rank: int = 1) -> Rate:
    """Return the share of searches of enrolled people whose mate is under the threshold or not among the best `rank`.

    scores: (searches, gallery). mates: the column of each search's mate. Ties count against the system.
    """
    table = np.asarray(scores, dtype=np.float64)
    own = table[np.arange(len(table)), np.asarray(mates)]
    better = (table >= own[:, None]).sum(axis=1) - 1
    return _share((own < threshold) | (better >= rank))


def apcer(scores: ArrayLike, species: Sequence[str], threshold: float) -> dict[str, Rate]:
    """Return, for each attack species, the share of its presentations taken for bona fide.

    Each species stands alone, for the worst of them is what an attacker will use. A score of NaN (inconclusive) is no
    error here: it goes to review. See `bpcer` for what that costs.
    """
    passed = np.asarray(scores, dtype=np.float64) < threshold
    kinds = np.asarray(species)
    return {str(kind): _share(passed[kinds == kind]) for kind in np.unique(kinds)}


def bpcer(scores: ArrayLike, threshold: float) -> Rate:
    """Return the share of bona fide presentations not taken for bona fide: at or over the threshold, or NaN."""
    return _share(~(np.asarray(scores, dtype=np.float64) < threshold))


def fta(failures: int, attempts: int) -> Rate:
    """Return the share of attempts that gave no template."""
    return rate(failures, attempts)


def most_without_errors(trials: int) -> float:
    """Return the highest rate that no error among `trials` leaves open at 95 %, one-sided and exact (Clopper-Pearson).

    For many trials it is 3 / trials, the "rule of three" (Hanley and Lippman-Hand, JAMA 249, 1983).
    Raises ValueError without trials.
    """
    if trials < 1:
        raise ValueError("nothing was tried")
    return float(-math.expm1(math.log(0.05) / trials))


def caveat(measured: Rate) -> str:
    """Return what so few errors can show, in words; "" where the count is enough (ENOUGH_ERRORS or more)."""
    if measured.errors >= ENOUGH_ERRORS:
        return ""
    if measured.errors == 0:
        return f"0 errors in {measured.trials:,} shows at most {100 * most_without_errors(measured.trials):.2g} %"
    return f"{measured.errors:g} errors in {measured.trials:,}: anything from {measured.low:.2g} to {measured.high:.2g}"


def _share(errors: NDArray[np.bool_]) -> Rate:
    return rate(int(np.count_nonzero(errors)), int(errors.size))
