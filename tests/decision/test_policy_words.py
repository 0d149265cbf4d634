from dataclasses import replace

from heirloom.decision.policy import Caveat
from heirloom.decision.policy_words import CAVEATS, whom_it_fails
from tests.decision import made


def test_every_caveat_has_words() -> None:
    assert set(CAVEATS) == set(Caveat)


def test_whom_a_policy_fails_is_said_with_how_much_on_how_many_and_at_what_cost() -> None:
    said = whom_it_fails(made.held_policy(), 1e-4)
    assert "most made up: harder, 400 people" in said
    assert "30 times as often as 0.0001" in said
    assert "misses 30% of single photos" in said
    assert "show no rate under 4e-05" in said


def test_what_so_few_people_show_is_said_only_where_they_do_not_show_the_target() -> None:
    assert "show no rate" not in whom_it_fails(made.held_policy(), 1e-3)


def test_where_nothing_was_measured_nobody_is_said_to_be_treated_alike() -> None:
    assert whom_it_fails(made.policy(), 1e-4) == f"unknown: {CAVEATS[Caveat.GROUPS_NOT_MEASURED]}"
    assert whom_it_fails(None, 1e-4).startswith("unknown: no policy was measured")
    policy = replace(made.held_policy(), groups=(made.rates("harder", 2), made.rates("easier", 1)))
    assert "2 times as often" in whom_it_fails(policy, 1e-3)
