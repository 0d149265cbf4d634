"""The studies deal the same pictures to every way of comparing, and count as the product does."""

import numpy as np
import pytest

from bench.studies import cohort, combining, trial
from heirloom.evaluation.calibration import measure_cell
from tests.evaluation import made


def test_no_picture_stands_twice_in_one_draw() -> None:
    gallery = made.gallery(50, 7)
    dealt = trial.deal(gallery.people, 3, 1, draws=1)
    assert len(np.unique(dealt.mated)) == dealt.mated.size
    assert (gallery.people[dealt.mated] == gallery.people[dealt.mated[:, :1]]).all()
    assert dealt.trials == len(dealt.mated) == 50


def test_the_plain_mean_gives_what_calibrate_measures() -> None:
    gallery = made.gallery(500, 4)
    found = trial.errors(combining.mean(gallery.vectors), gallery.people, trial.deal(gallery.people, 1, 1))
    cell = measure_cell(gallery, 1, 1).cell
    assert cell is not None
    point = next(point for point in cell.points if point.fmr == trial.TARGETS[0])
    assert found.thresholds[0] == pytest.approx(point.threshold, abs=2e-5)
    assert found.fnmr[0].value == pytest.approx(point.fnmr, abs=0.01)


def test_a_trimmed_mean_drops_the_stranger_among_the_references() -> None:
    gallery = made.gallery(2, 4, noise=0.3)
    rows, probe = np.array([[0, 1, 4]]), np.array([[2]])
    assert combining.trimmed(gallery.vectors)(rows, probe) > combining.mean(gallery.vectors)(rows, probe)


def test_a_score_is_read_against_those_most_alike() -> None:
    gallery = made.gallery(200, 2)
    others = cohort.cohort_of(gallery.vectors[100:], gallery.people[100:], 100)
    compare = cohort.Normalised(gallery.vectors, others, top=20)
    [[mated]] = compare(np.array([[0]]), np.array([[1]]))
    [[stranger]] = compare(np.array([[0]]), np.array([[2]]))
    assert mated > 3 > stranger
