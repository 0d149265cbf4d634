import numpy as np
import pytest

from heirloom.evaluation import rates


def test_the_wilson_interval_is_the_published_one() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    assert rates.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert rates.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert rates.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert rates.wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_no_rate_is_claimed_without_trials() -> None:
    for errors, trials in ((0, 0), (2, 1), (-1, 5)):
        with pytest.raises(ValueError, match="errors among"):
            rates.wilson(errors, trials)


def test_a_score_at_the_threshold_matches() -> None:
    assert rates.fmr([0.1, 0.5, 0.6, 0.2], 0.5).value == 0.5
    assert rates.fnmr([0.1, 0.5, 0.6, 0.2], 0.5).value == 0.5


def test_strangers_are_counted_by_their_best_score() -> None:
    assert rates.fpir([0.2, 0.9, 0.3, 0.1], 0.5).value == 0.25


def test_a_mate_that_is_outranked_or_under_the_threshold_is_missed() -> None:
    scores = [[0.9, 0.1], [0.6, 0.7], [0.2, 0.4]]
    mates = [0, 0, 1]
    assert rates.fnir(scores, mates, 0.5).errors == 2
    assert rates.fnir(scores, mates, 0.5, rank=2).errors == 1


def test_a_tie_counts_against_the_system() -> None:
    assert rates.fnir([[0.9, 0.9]], [0], 0.5).errors == 1


def test_each_attack_species_stands_alone() -> None:
    found = rates.apcer([0.9, 0.1, 0.8, 0.7], ["print", "print", "screen", "screen"], 0.5)
    assert {kind: one.value for kind, one in found.items()} == {"print": 0.5, "screen": 0.0}


def test_an_inconclusive_check_is_no_passed_attack_but_a_burden_on_the_living() -> None:
    assert rates.apcer([np.nan], ["print"], 0.5)["print"].errors == 0
    assert rates.bpcer([np.nan, 0.1, 0.6], 0.5).errors == 2


def test_no_error_among_few_is_not_reported_as_none() -> None:
    assert rates.caveat(rates.rate(0, 59)) == "0 errors in 59 shows at most 5 %"
    assert "anything from" in rates.caveat(rates.rate(3, 1000))
    assert rates.caveat(rates.rate(30, 1000)) == ""
