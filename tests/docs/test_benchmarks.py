"""docs/benchmarks.md is what `make bench` writes."""

import pytest

from bench.figures import Series, ratio
from bench.page import PAGE
from bench.run import SECTIONS


def test_every_section_is_on_the_page_with_its_command() -> None:
    page = PAGE.read_text()
    for name in SECTIONS:
        assert f"`python -m bench.run {name}`, " in page, "when, at which commit and load it was measured"
    for fact in ("processor", "cores", "Python"):
        assert f"| {fact} |" in page


def test_a_percentile_is_a_measured_value_that_so_many_do_not_exceed() -> None:
    hundred = Series(tuple(number / 1000 for number in range(1, 101)))
    assert hundred.percentile(0.95) == 0.095
    assert Series((0.3, 0.1, 0.2)).percentile(0.95) == 0.3
    assert Series((0.3, 0.1, 0.2)).median == 0.2


def test_a_ratio_is_of_medians_with_the_extremes_of_runs_made_in_turn() -> None:
    share, least, most = ratio(Series((1.0, 2.0, 3.0)), Series((10.0, 10.0, 20.0)))
    assert share == pytest.approx(0.2)
    assert (least, most) == (pytest.approx(0.1), pytest.approx(0.2))
