"""Sight: how fine the numbers of a comparison are that somebody sees."""

import pytest

from heirloom.decision.sight import DECISION, FINE, LOOK, Sight


def test_a_client_app_is_told_of_a_match_which_of_two_steps_it_reaches() -> None:
    assert [DECISION.similarity(value) for value in (0.5, 0.7512, 0.8999, 0.9, 0.999584, 1.0)] == [
        *(0.5, 0.5, 0.5),
        *(0.9, 0.9, 0.9),
    ]


@pytest.mark.parametrize("value", [None, 0.0, 1e-9, 0.2, 0.499999])
def test_a_client_app_is_told_nothing_of_what_is_no_match(value: float | None) -> None:
    assert DECISION.similarity(value) is None
    assert DECISION.confidence(0.999, value) is None
    assert DECISION.threshold(0.95, value) is None
    assert not DECISION.names(value, least=0.0)


def test_confidence_and_threshold_are_told_with_the_match_alone() -> None:
    assert DECISION.confidence(0.99731, 0.6) == 0.9
    assert DECISION.confidence(0.61, 0.6) == 0.5
    assert DECISION.confidence(0.31, 0.6) is None
    assert DECISION.threshold(0.95277, 0.6) == 0.95277


def test_staff_see_two_digits_on_either_side() -> None:
    assert (LOOK.similarity(0.123456), LOOK.similarity(0.999584)) == (0.12, 1.0)
    assert LOOK.confidence(0.98765, 0.1) == 0.99
    assert LOOK.threshold(0.95277, 0.1) == 0.95277


def test_what_was_measured_is_seen_by_nobody_but_the_scope() -> None:
    assert (FINE.similarity(0.123456), FINE.confidence(0.98765, 0.1)) == (0.123456, 0.98765)


def test_a_search_names_nobody_below_a_match_but_to_staff() -> None:
    for sight in (DECISION, FINE):
        assert not sight.names(0.4999, least=0.0)
        assert sight.names(0.5, least=0.0)
        assert not sight.names(0.6, least=0.7)
    assert LOOK.names(0.01, least=0.0)
    assert LOOK.names(None)
    assert not LOOK.names(None, least=0.1)
    assert not FINE.names(None)
    assert Sight(is_fine=True, is_staff=True).names(0.01)
