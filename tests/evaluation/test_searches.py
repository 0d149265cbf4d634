"""Searches are measured as searches: everybody as a stranger, and as one of the gallery."""

import numpy as np
import pytest

from heirloom.decision.policy_searches import SearchCell, search_problems
from heirloom.evaluation import searches
from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.searches import Draw, Searches
from tests.evaluation import made


@pytest.fixture(scope="module")
def found() -> Searches:
    measured = searches.search(made.gallery(300, 2, dimensions=16), 1, 1)
    assert measured is not None
    return measured


def table(found: Searches) -> tuple[np.ndarray, np.ndarray]:
    """Return the best strangers' scores of the first dealing's searches, and the own ones."""
    draw = found.draws[0]
    best = np.full(len(draw.searchers), -1.0)
    np.maximum.at(best, draw.search, draw.scores)
    return best, draw.own


def test_among_all_people_it_is_the_share_of_searches_whose_best_stranger_reaches_the_threshold(
    found: Searches,
) -> None:
    best = np.concatenate([table(Searches(1, 1, 300, 1, (draw,)))[0] for draw in found.draws])
    threshold = float(np.quantile(best, 0.9))
    assert found.fpir(threshold, found.largest).value == pytest.approx(np.mean(best >= threshold))


def test_a_smaller_gallery_is_counted_as_if_it_were_drawn_time_and_again(found: Searches) -> None:
    draw = found.draws[0]
    one = Searches(1, 1, 300, 300 * 299 // 2, (draw,))
    threshold = float(draw.scores[200])
    random, finds = np.random.default_rng(1), []
    for _ in range(400):
        chosen = random.permutation(300)[:100]
        hit = (draw.scores >= threshold) & np.isin(draw.whose, chosen)
        finds.append(len(np.unique(draw.search[hit])) / 300)
    assert one.fpir(threshold, 100).value == pytest.approx(np.mean(finds), rel=0.05)


def test_whoever_is_not_first_or_under_the_threshold_is_missed() -> None:
    draw = Draw(
        searchers=np.arange(3), own=np.array([0.9, 0.7, 0.95]), scores=np.array([0.92, 0.5, 0.4]),
        search=np.array([0, 1, 2]), whose=np.array([1, 2, 0]), strangers=2,
    )  # fmt: skip
    found = Searches(1, 1, 3, 3, (draw,)).fnir(0.8, 3)
    assert found is not None
    assert found.value == pytest.approx(2 / 3)


def test_a_larger_gallery_finds_more_strangers(found: Searches) -> None:
    rates = [found.fpir(0.9, size).value for size in (10, 33, 100, found.largest)]
    assert rates == sorted(rates)


def test_thresholds_reach_their_target_and_their_upper_limits_lie_over_them(found: Searches) -> None:
    threshold, upper = found.threshold(0.1, 100), found.upper_threshold(0.1, 100)
    assert found.fpir(threshold, 100).value <= 0.1 < found.fpir(threshold - 1e-4, 100).value
    assert upper is not None
    assert upper > threshold
    resampled = found._resampled(Draw.found, upper, 100)
    assert found.fpir(upper, 100).value < np.quantile(resampled, 0.95) <= 0.1


def test_a_target_that_so_few_people_cannot_show_is_not_published(found: Searches) -> None:
    (cell,) = searches.cells([found])
    assert {point.gallery for point in cell.points} == {10, 33, 100, 299}
    # 44,850 pairs of people: three false finds are expected from 3 * N / FPIR on.
    assert (min(p.fpir for p in cell.points if p.gallery == 10), not list(search_problems((cell,)))) == (0.001, True)
    assert all(cell.people_pairs >= 3 * point.gallery / point.fpir for point in cell.points)


def test_claims_of_more_than_was_seen_are_refused(found: Searches) -> None:
    (cell,) = searches.cells([found])
    few = SearchCell(cell.references, cell.probes, cell.people, 100, cell.points)
    assert "cannot show" in next(search_problems((few,)))


def test_a_hundred_people_at_least_are_searched() -> None:
    assert searches.search(made.gallery(99, 2, dimensions=16), 1, 1) is None
    assert searches.search(made.gallery(200, 2, dimensions=16), 3, 1) is None


def test_who_lacks_pictures_for_both_searches_as_a_stranger_alone() -> None:
    vectors = made.gallery(150, 2, dimensions=16)
    kept = np.ones(300, bool)
    kept[np.flatnonzero(vectors.people < 50)[::2]] = False
    found = searches.search(Gallery(vectors.vectors[kept], vectors.people[kept]), 1, 1)
    assert found is not None
    assert [int(np.isfinite(draw.own).sum()) for draw in found.draws] == [100] * 5
    assert {len(draw.searchers) for draw in found.draws} == {150}
