import numpy as np
import pytest

from heirloom.evaluation.gallery import Gallery, mated, mean_of, means_of, non_mated, people_pairs
from tests.evaluation import made


def test_every_pair_of_different_people_is_counted() -> None:
    gallery = made.gallery(40, 3)
    singles = means_of(gallery, 1, 1)
    assert non_mated(singles, singles).total == 120 * 119 - 120 * 2
    assert people_pairs(singles, singles, symmetric=True) == 40 * 39 // 2


def test_counted_scores_are_those_of_the_vectors() -> None:
    gallery = made.gallery(5, 2)
    singles = means_of(gallery, 1, 1)
    scores = gallery.vectors @ gallery.vectors.T
    strangers = scores[gallery.people[:, None] != gallery.people[None, :]]
    assert non_mated(singles, singles).fmr(0.3).errors == pytest.approx(np.count_nonzero(strangers >= 0.3), abs=1)


def test_a_group_holds_pictures_of_one_person_each_once() -> None:
    gallery = made.gallery(10, 5)
    means = means_of(gallery, 2, draws=1)
    assert np.bincount(means.people).tolist() == [2] * 10
    assert np.allclose(np.linalg.norm(means.vectors, axis=1), 1, atol=1e-5)


def test_a_group_that_comes_up_twice_counts_once() -> None:
    assert len(means_of(made.gallery(4, 3), 3, draws=5).vectors) == 4


def test_people_with_too_few_pictures_stand_aside() -> None:
    gallery = made.gallery(4, 2)
    assert len(means_of(gallery, 3, draws=2).vectors) == 0
    scores, sets = mated(gallery, 2, 1, draws=3)
    assert (len(scores), sets) == (0, 0)


def test_mated_comparisons_of_one_draw_share_no_picture() -> None:
    scores, sets = mated(made.gallery(6, 7), 2, 1, draws=4)
    assert sets == 6 * 2
    assert len(scores) == 4 * sets


def test_averaging_brings_one_persons_pictures_together() -> None:
    gallery = made.gallery(200, 6)
    single, _ = mated(gallery, 1, 1, draws=2)
    several, _ = mated(gallery, 3, 3, draws=2)
    assert several.mean() > single.mean()


def test_the_mean_of_one_template_is_itself() -> None:
    vectors = made.gallery(3, 1).vectors
    assert np.allclose(mean_of(vectors[:, None, :]), vectors, atol=1e-6)


def test_vectors_that_are_no_templates_are_refused() -> None:
    with pytest.raises(ValueError, match="unit length"):
        Gallery(np.ones((2, 4), np.float32), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="do not fit"):
        Gallery(np.ones((2, 4), np.float32), np.zeros(3, np.int64))
