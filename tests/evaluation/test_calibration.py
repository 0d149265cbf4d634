import numpy as np
import pytest

from heirloom.decision.policy import logistic
from heirloom.decision.policy_files import dump, parse
from heirloom.evaluation import det
from heirloom.evaluation.calibration import Measured, fit_logistic, held_out, measure, measure_cell, measure_pairs
from heirloom.evaluation.gallery import mated, means_of, non_mated
from heirloom.evaluation.histogram import ScoreHistogram
from heirloom.evaluation.proposal import propose
from tests.evaluation import made


@pytest.fixture(scope="module")
def measured() -> tuple[Measured, ...]:
    return measure(made.gallery(500, 4), counts=((1, 1), (2, 1), (2, 2)))


def test_a_threshold_carries_over_to_other_people(measured: tuple[Measured, ...]) -> None:
    others = means_of(made.gallery(500, 4, seed=8), 1, 1)
    point = measured[0].cell.points[2] if measured[0].cell else None
    assert point is not None
    assert point.fmr == 1e-3
    assert 0.5e-3 < non_mated(others, others).fmr(point.threshold).value < 2e-3


def test_averaging_both_sides_raises_the_threshold(measured: tuple[Measured, ...]) -> None:
    policy = propose(made.SOURCE, measured)
    assert policy is not None
    thresholds = [policy.threshold(*counts, 1e-3) for counts in ((1, 1), (2, 1), (2, 2))]
    assert thresholds == sorted(thresholds)
    assert policy.threshold(1, 2, 1e-3) == policy.threshold(2, 1, 1e-3)


def test_what_too_few_pairs_stand_behind_is_not_published(measured: tuple[Measured, ...]) -> None:
    single = measured[0].cell
    assert single is not None
    assert [point.fmr for point in single.points][-1] == 3e-5  # 2 million pairs show 60 false matches there, 20 at 1e-5
    few = measure_cell(made.gallery(100, 3), 1, 1)
    assert few.cell is None
    assert "fewer than 300,000" in few.why_not
    assert propose(made.SOURCE, [few]) is None


def test_many_pictures_of_few_people_show_little() -> None:
    crowd = measure_cell(made.gallery(30, 30), 1, 1)
    assert crowd.non_mated.total > 300_000
    assert crowd.cell is not None
    assert [point.fmr for point in crowd.cell.points] == [1e-2]  # 435 pairs of people


def test_a_proposal_is_a_policy_that_can_be_read(measured: tuple[Measured, ...]) -> None:
    policy = propose(made.SOURCE, measured)
    assert policy is not None
    assert parse(dump(policy)) == policy


def test_thresholds_are_tested_on_people_they_were_not_set_on() -> None:
    found = held_out(made.gallery(1_000, 4), counts=((1, 1),), targets=(1e-3,))
    assert [one.set_on for one in found] == ["even people", "odd people"]
    assert found[0].threshold != found[1].threshold
    assert all(0.5e-3 < one.fmr.value < 2e-3 for one in found)
    assert all(one.fmr.trials == 500 * 499 // 2 * 16 for one in found)


def test_half_of_few_people_shows_nothing() -> None:
    assert held_out(made.gallery(100, 3)) == ()


def test_listed_pairs_give_the_cell_of_single_pictures() -> None:
    gallery = made.gallery(500, 4)
    same, _ = mated(gallery, 1, 1, 1)
    scores = gallery.vectors @ gallery.vectors.T
    strangers = scores[np.triu(gallery.people[:, None] != gallery.people[None, :], 1)]
    by_pairs = measure_pairs(same, strangers)
    by_people = measure_cell(gallery, 1, 1)
    assert by_pairs.cell is not None
    assert by_people.cell is not None
    assert by_pairs.cell.points[2].threshold == pytest.approx(by_people.cell.points[2].threshold, abs=2e-5)


def test_the_calibration_gives_back_known_odds() -> None:
    # Two normal distributions of one width d apart: the log odds rise by d / width^2 per unit, and are 0 halfway.
    rng = np.random.default_rng(5)
    strangers = ScoreHistogram()
    strangers.add(rng.normal(0.2, 0.1, 400_000))
    slope, intercept = fit_logistic(rng.normal(0.5, 0.1, 40_000), strangers)
    assert slope == pytest.approx(0.3 / 0.01, rel=0.03)
    assert logistic(slope * 0.35 + intercept) == pytest.approx(0.5, abs=0.02)


def test_a_calibration_of_people_told_apart_perfectly_stays_finite() -> None:
    strangers = ScoreHistogram()
    strangers.add(np.linspace(0.0, 0.1, 10_000))
    slope, intercept = fit_logistic(np.linspace(0.9, 1.0, 1_000), strangers)
    assert 0 < slope < 1e4
    assert np.isfinite(intercept)


def test_a_det_curve_falls(measured: tuple[Measured, ...]) -> None:
    points = det.det_points(measured[0])
    assert (np.diff(points[:, 1]) <= 0).all()
    assert (np.diff(points[:, 2]) >= 0).all()
