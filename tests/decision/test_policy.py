import json
import math
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import pytest

from heirloom.decision.policy import FAR_APART, Caveat
from heirloom.decision.policy_cells import PolicyError, Share
from heirloom.decision.policy_files import dump, file_name, load, parse
from tests.decision import made


def test_a_measured_cell_gives_its_own_threshold() -> None:
    assert made.policy().threshold(3, 1, 1e-4) == 0.92


def test_counts_between_cells_take_the_stricter_measured_one() -> None:
    assert made.policy().threshold(2, 1, 1e-4) == 0.92
    assert made.policy().threshold(2, 2, 1e-4) == 0.94


def test_counts_beyond_the_table_need_more_than_any_measured_cell() -> None:
    # (3, 3) stands 0.04 over single pictures; after three on both sides at most half of that rise is left.
    assert made.policy().threshold(9, 9, 1e-4) == pytest.approx(0.94 + 0.04 / 2)


def test_a_target_between_two_measured_ones_takes_the_stricter() -> None:
    assert made.policy().threshold(1, 1, 5e-4) == 0.90


def test_a_target_stricter_than_was_measured_has_no_threshold() -> None:
    assert made.policy().threshold(3, 3, 1e-5) is None
    assert made.policy().threshold(1, 1, 1e-6) is None


def test_no_reference_or_no_frame_has_no_threshold() -> None:
    for references, probes in ((0, 1), (1, 0), (-1, 1)):
        assert made.policy().threshold(references, probes, 1e-3) is None


def test_a_threshold_never_falls_when_counts_or_strictness_grow() -> None:
    policy = made.policy()
    counts = range(1, 8)
    for references, probes, fmr in product(counts, counts, (1e-2, 1e-3, 1e-4)):
        here = policy.threshold(references, probes, fmr)
        assert here is not None
        for more in ((references + 1, probes), (references, probes + 1)):
            grown = policy.threshold(*more, fmr)
            assert grown is not None
            assert grown >= here
        stricter = policy.threshold(references, probes, fmr / 10)
        assert stricter is None or stricter >= here


def test_a_threshold_is_never_under_a_measured_cell_at_or_below_both_counts() -> None:
    policy = replace(made.policy(), cells=(*made.policy().cells, made.cell(5, 1, 0.71, 0.81, 0.91)))
    assert policy.threshold(5, 1, 1e-4) == 0.92


def test_beyond_the_table_nothing_is_known_without_a_cell_that_averages_both_sides() -> None:
    policy = replace(made.policy(), cells=made.policy().cells[:3])
    assert policy.threshold(3, 3, 1e-4) is None


def test_what_is_in_force_is_held_to_the_worst_measured_group() -> None:
    policy = made.held_policy()
    for references, probes, fmr in product((1, 2, 3), (1, 2, 3), (1e-2, 1e-3, 1e-4)):
        pooled = made.policy().threshold(references, probes, fmr)
        assert pooled is not None
        assert policy.threshold(references, probes, fmr) == pytest.approx(pooled + 0.03)
        assert policy.pooled_threshold(references, probes, fmr) == pooled


def test_a_match_is_held_to_the_worst_group_and_no_match_is_what_everybody_is_told_apart_by() -> None:
    zone, pooled = made.held_policy().zone(1, 1, 1e-3), made.policy().zone(1, 1, 1e-3)
    assert zone is not None
    assert pooled is not None
    assert (zone.threshold, zone.approve_from) == pytest.approx((0.83, 0.835))
    assert zone.reject_below == pooled.reject_below == 0.70


def test_under_the_strictest_that_was_measured_no_score_matches_and_none_is_rejected_for_its_group() -> None:
    zone = made.held_policy().zone(1, 1, 1e-7)
    assert zone is not None
    assert zone.approve_from is None
    assert zone.threshold == pytest.approx(0.97)
    assert zone.reject_below == 0.94


def test_a_policy_without_groups_says_that_none_was_measured() -> None:
    assert made.policy().worst(1e-4) is None
    assert made.policy().caveats(1e-4) == (Caveat.GROUPS_NOT_MEASURED,)


def test_a_policy_names_its_worst_group_and_how_often_it_is_wrong_there() -> None:
    worst = made.held_policy().worst(1e-3)
    assert worst is not None
    group, rate = worst
    assert (group.label, group.people) == (made.HARDER, 400)
    assert rate.seen == pytest.approx(0.03)
    assert rate.threshold == 0.80


def test_groups_far_apart_and_too_small_to_show_the_target_are_said_to_be_so() -> None:
    policy = made.held_policy()
    assert policy.caveats(1e-3) == (Caveat.GROUPS_UNEQUAL,)
    assert policy.caveats(1e-4) == (Caveat.GROUPS_UNEQUAL, Caveat.GROUP_NOT_SHOWN)
    near = replace(policy, groups=(made.rates("harder", FAR_APART - 1),))
    assert near.caveats(1e-3) == ()


def test_a_group_shows_no_rate_lower_than_its_pairs_of_people_can() -> None:
    assert made.rates("harder", 30, people=400).shown_to == pytest.approx(3 / (400 * 399 / 2))


def test_the_cost_of_a_policy_is_the_share_missed_at_the_threshold_in_force() -> None:
    cost, pooled = made.held_policy().cost(1, 1, 1e-4), made.policy().cost(1, 1, 1e-4)
    assert (cost, pooled) == (Share(0.3, 0.28, 0.32), Share(0.1, 0.08, 0.12))
    assert made.policy().cost(7, 7, 1e-4) is None


def test_a_file_from_before_groups_were_measured_is_read_and_held_to_none() -> None:
    raw = json.loads(dump(made.policy()))
    del raw["groups"], raw["provenance"]["groups"]
    for cell in raw["cells"]:
        for point in cell["points"]:
            del point["held"]
    assert parse(json.dumps(raw)) == made.policy()


def test_similarity_is_a_half_exactly_at_the_threshold_and_rises_with_the_score() -> None:
    policy = made.policy()
    assert policy.similarity(0.9, 0.9) == 0.5
    scores = [step / 200 for step in range(-200, 201)]
    values = [policy.similarity(score, 0.9) for score in scores]
    assert all(0 <= value <= 1 for value in values)
    assert all(low < high for low, high in pairwise(values))


def test_confidence_is_a_probability_that_follows_the_verdict() -> None:
    policy = made.policy()
    for score, references, probes in product((-1.0, 0.0, 0.75, 1.0), (1, 2, 9), (1, 2, 9)):
        match = policy.confidence(score, references, probes, matched=True)
        assert 0 <= match <= 1
        assert policy.confidence(score, references, probes, matched=False) == pytest.approx(1 - match)


def test_a_policy_survives_being_written_and_read() -> None:
    for policy in (made.policy(), made.held_policy()):
        assert parse(dump(policy)) == policy


def test_the_installations_own_policy_wins_over_the_packaged_one(tmp_path: Path) -> None:
    assert load("made", tmp_path) is None
    (tmp_path / file_name("made")).write_text(dump(made.policy()))
    assert load("made", tmp_path) == made.policy()


def test_a_policy_of_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / file_name("other")).write_text(dump(made.policy()))
    with pytest.raises(PolicyError, match="other"):
        load("other", tmp_path)


def test_a_model_name_cannot_leave_the_policy_folder() -> None:
    assert "/" not in file_name("../../etc/passwd")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": []}, "no measured cell"),
        ({"model": ""}, "no name"),
        ({"name": 3}, "not text"),
    ],
)
def test_a_broken_policy_is_refused_loudly(change: dict[str, object], words: str) -> None:
    raw = {**json.loads(dump(made.policy())), **change}
    with pytest.raises(PolicyError, match=words):
        parse(json.dumps(raw))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"non_mated": 299_999}, "fewer than 300000"),
        ({"non_mated": 300_000}, "cannot show it"),
        ({"people_pairs": 20_000}, "pairs of people cannot show it"),
        ({"slope": -1.0}, "rising"),
        ({"slope": math.nan}, "rising"),
        ({"points": []}, "no operating point"),
        ({"references": 0}, "below 1"),
    ],
)
def test_a_cell_that_claims_more_than_was_measured_is_refused(change: dict[str, object], words: str) -> None:
    raw = json.loads(dump(made.policy()))
    raw["cells"][0].update(change)
    with pytest.raises(PolicyError, match=words):
        parse(json.dumps(raw))


@pytest.mark.parametrize(
    "change", [{"threshold": math.nan}, {"threshold": 2.0}, {"fnmr": 0.5}, {"fmr": 0.0}, {"why": 1}]
)
def test_a_broken_operating_point_is_refused(change: dict[str, object]) -> None:
    raw = json.loads(dump(made.policy()))
    raw["cells"][0]["points"][0].update(change)
    with pytest.raises(PolicyError):
        parse(json.dumps(raw))


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0.69},
        {"upper_threshold": 0.70},
        {"threshold": math.nan},
        {"group": "made up: nobody"},
        {"group": 3},
        {"fnmr": 0.5},
        {"shown": "yes"},
        {"why": 1},
    ],
)
def test_a_point_held_to_less_than_it_says_is_refused(change: dict[str, object]) -> None:
    raw = json.loads(dump(made.held_policy()))
    raw["cells"][0]["points"][0]["held"].update(change)
    with pytest.raises(PolicyError):
        parse(json.dumps(raw))


def test_groups_that_no_threshold_is_held_to_are_refused_and_the_other_way_round() -> None:
    held, plain = made.held_policy(), made.policy()
    for halves in ({"cells": plain.cells, "groups": held.groups}, {"cells": held.cells, "groups": ()}):
        with pytest.raises(PolicyError, match="not both"):
            replace(plain, **halves)  # type: ignore[arg-type]


def test_text_that_is_no_policy_is_refused() -> None:
    for text in ("", "[]", "{}", "null", "not json"):
        with pytest.raises(PolicyError):
            parse(text)
