import numpy as np
import pytest

from heirloom.evaluation.histogram import STEP, ScoreHistogram
from heirloom.evaluation.rates import fmr


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(3).normal(0.2, 0.2, 50_000).clip(-1, 1)


@pytest.fixture
def histogram(scores: np.ndarray) -> ScoreHistogram:
    counted = ScoreHistogram()
    for part in np.array_split(scores, 7):
        counted.add(part)
    return counted


def test_no_score_is_lost(histogram: ScoreHistogram) -> None:
    histogram.add(np.array([-1.0, 1.0, 1.0000001, -1.0000001]))
    assert histogram.total == 50_004


def test_at_the_threshold_no_more_than_the_target_match(scores: np.ndarray, histogram: ScoreHistogram) -> None:
    for target in (1e-1, 1e-2, 1e-3):
        threshold = histogram.threshold(target)
        assert fmr(scores, threshold - 1e-9).value <= target
        assert fmr(scores, threshold - 2 * STEP).value > target
        assert histogram.fmr(threshold).value <= target


def test_the_upper_threshold_allows_for_chance(histogram: ScoreHistogram) -> None:
    for target in (1e-1, 1e-2, 1e-3):
        upper = histogram.upper_threshold(target)
        assert upper > histogram.threshold(target)
        assert histogram.fmr(upper).high <= target


def test_a_target_that_nothing_can_show_gives_no_usable_threshold() -> None:
    few = ScoreHistogram()
    few.add(np.full(100, 0.5))
    assert few.upper_threshold(1e-4) == 1.0
