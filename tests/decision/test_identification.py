import math
from dataclasses import replace

import pytest

from heirloom.decision.attack import NOT_CHECKED
from heirloom.decision.identification import (
    DuplicateVerdict,
    ScoredCandidate,
    SearchZone,
    duplicate_of,
    identification_zone,
    identify,
)
from heirloom.decision.policy import Policy
from heirloom.decision.policy_cells import PolicyError
from heirloom.decision.policy_files import dump, parse
from heirloom.decision.policy_searches import SearchCell, SearchPoint
from heirloom.decision.verification import Outcome, Rules
from tests.decision import made

RULES = Rules(target_fpir=0.01)
LIVE = made.LIVE


def candidate(score: float, person: str = "alice", references: int = 1) -> ScoredCandidate:
    return ScoredCandidate(person, score, references)


def test_a_clear_single_match_is_named() -> None:
    found = identify([candidate(0.3, "bob"), candidate(0.99)], 100, 1, made.policy(), RULES, attack=LIVE, reasons=())
    assert (found.outcome, found.reasons) == (Outcome.APPROVED, ())
    assert [(one.person_id, one.rank) for one in found.candidates] == [("alice", 1), ("bob", 2)]
    assert found.threshold == 0.90


def test_the_threshold_rises_with_the_gallery() -> None:
    thresholds = [
        identify([candidate(0.99)], size, 1, made.policy(), RULES, attack=LIVE, reasons=()).threshold
        for size in (1, 10, 100, 1000)
    ]
    assert thresholds == [0.70, 0.80, 0.90, 0.94]


def test_a_match_is_held_to_the_worst_group_while_whoever_reaches_the_pooled_threshold_is_seen_by_a_human() -> None:
    def judged(score: float) -> tuple[Outcome, DuplicateVerdict]:
        found = identify([candidate(score)], 100, 1, made.held_policy(), RULES, attack=LIVE, reasons=())
        return found.outcome, duplicate_of([candidate(score)], 100, 1, made.held_policy(), RULES).verdict

    assert judged(0.91) == (Outcome.NEEDS_REVIEW, DuplicateVerdict.UNSURE)
    assert judged(0.94) == (Outcome.APPROVED, DuplicateVerdict.DUPLICATE)
    assert judged(0.89) == (Outcome.REJECTED, DuplicateVerdict.CLEAR)


def test_a_gallery_too_large_for_what_was_measured_never_approves() -> None:
    found = identify([candidate(1.0)], 100_000, 1, made.policy(), RULES, attack=LIVE, reasons=())
    assert (found.outcome, found.reasons) == (Outcome.NEEDS_REVIEW, ("score_not_calibrated",))
    assert found.expected_fpir == pytest.approx(1 - math.exp(-1), abs=1e-3)


def test_a_stranger_is_not_named() -> None:
    found = identify([candidate(0.3)], 100_000, 1, made.policy(), RULES, attack=LIVE, reasons=())
    assert (found.outcome, found.reasons) == (Outcome.REJECTED, ("no_match",))
    assert identify([], 100, 1, made.policy(), RULES, attack=LIVE, reasons=()).outcome is Outcome.REJECTED


def test_two_people_who_both_match_are_told_apart_by_a_human() -> None:
    found = identify([candidate(0.99), candidate(0.98, "twin")], 100, 1, made.policy(), RULES, attack=LIVE, reasons=())
    assert (found.outcome, found.reasons) == (Outcome.NEEDS_REVIEW, ("score_near_threshold",))


def test_a_suspected_attack_is_never_identified() -> None:
    found = identify([candidate(0.99)], 100, 1, made.policy(), RULES, attack=made.SPOOFED, reasons=())
    assert (found.outcome, found.reasons) == (Outcome.NEEDS_REVIEW, ("presentation_attack",))


def test_without_policy_attack_check_or_probe_nobody_is_identified() -> None:
    seen, policy = [candidate(0.99)], made.policy()
    assert identify(seen, 100, 1, None, RULES, attack=LIVE, reasons=()).outcome is Outcome.NEEDS_REVIEW
    assert identify(seen, 100, 1, policy, RULES, attack=NOT_CHECKED, reasons=()).outcome is Outcome.NEEDS_REVIEW
    assert identify(seen, 100, 0, policy, RULES, attack=LIVE, reasons=()).outcome is Outcome.FAILED
    unknown = [candidate(math.nan)]
    assert identify(unknown, 100, 1, policy, RULES, attack=LIVE, reasons=()).outcome is Outcome.NEEDS_REVIEW


def test_people_with_more_references_are_ranked_by_what_their_score_means() -> None:
    found = identify(
        [candidate(0.91, "one", 1), candidate(0.915, "three", 3)], 100, 1, made.policy(), RULES, attack=LIVE, reasons=()
    )
    assert [one.person_id for one in found.candidates] == ["one", "three"]


@pytest.mark.parametrize("size", [1, 2, 10, 100, 1000])
def test_the_same_face_enrolled_again_is_found(size: int) -> None:
    check = duplicate_of([candidate(0.999, references=3)], size, 1, made.policy(), RULES)
    assert check.verdict is DuplicateVerdict.DUPLICATE
    assert check.reasons == ("duplicate_person",)
    assert check.candidates[0].person_id == "alice"


def test_a_newcomer_who_looks_like_nobody_is_clear() -> None:
    check = duplicate_of([candidate(0.5), candidate(0.6, "bob")], 1000, 1, made.policy(), RULES)
    assert (check.verdict, check.candidates, check.reasons) == (DuplicateVerdict.CLEAR, (), ())


def test_the_first_person_ever_enrolled_is_clear() -> None:
    assert duplicate_of([], 0, 3, made.policy(), RULES).verdict is DuplicateVerdict.CLEAR


def test_a_likeness_that_was_not_measured_is_for_a_human() -> None:
    assert duplicate_of([candidate(0.999)], 100_000, 1, made.policy(), RULES).verdict is DuplicateVerdict.UNSURE
    assert duplicate_of([candidate(0.2)], 10, 1, None, RULES).verdict is DuplicateVerdict.UNSURE
    assert duplicate_of([candidate(math.nan)], 10, 1, made.policy(), RULES).verdict is DuplicateVerdict.UNSURE


def test_few_newcomers_among_many_people_are_flagged_falsely() -> None:
    # FMR 1e-4 alone would flag 1 - (1 - 1e-4)^10000 = 63 % of newcomers among 10,000 people.
    check = duplicate_of([candidate(0.93)], 1000, 1, made.policy(), RULES)
    assert check.verdict is DuplicateVerdict.CLEAR
    assert check.expected_fpir == pytest.approx(0.01, rel=0.01)


def searched_policy(policy: Policy | None = None) -> Policy:
    """The same policy, with searches measured: at 100 people one in a hundred; one in a thousand without a limit."""
    points = (
        SearchPoint(100, 0.01, 0.85, 0.87, 0.1, 0.05, 0.15),
        SearchPoint(100, 0.001, 0.91, None, 0.2, 0.1, 0.3),
    )
    return replace(policy or made.policy(), searches=(SearchCell(1, 1, 1_000, 499_500, points),))


def zone(policy: Policy, size: int, fpir: float, references: int = 1) -> SearchZone:
    found = identification_zone(policy, references, 1, size, fpir)
    assert found is not None
    return found


def test_what_was_measured_of_searches_counts_before_what_comparisons_let_expect() -> None:
    found = zone(searched_policy(), 100, 0.01)
    assert (found.zone.threshold, found.zone.approve_from, found.expected_fpir) == (0.85, 0.87, 0.01)


def test_a_smaller_gallery_is_shown_by_a_larger_one() -> None:
    assert zone(searched_policy(), 20, 0.01).zone.threshold == 0.85


def test_a_larger_gallery_keeps_its_target_by_a_stricter_one_of_the_smaller() -> None:
    # Ten times as many people find a stranger at most ten times as often.
    found = zone(searched_policy(), 1_000, 0.01)
    assert (found.zone.threshold, found.zone.approve_from) == (0.91, None)
    assert found.expected_fpir == pytest.approx(0.01)


def test_where_nothing_shows_the_target_a_human_sees_what_comes_nearest() -> None:
    found = zone(searched_policy(), 10_000, 0.001)
    assert (found.zone.threshold, found.zone.approve_from) == (0.91, None)
    assert found.expected_fpir == pytest.approx(0.1)
    best = identify([candidate(0.999)], 10_000, 1, searched_policy(), RULES, attack=LIVE, reasons=())
    assert (best.outcome, best.reasons) == (Outcome.NEEDS_REVIEW, ("score_not_calibrated",))


def test_counts_that_no_search_covers_are_read_by_comparisons() -> None:
    assert zone(searched_policy(), 100, 0.01, references=3).zone == zone(made.policy(), 100, 0.01, references=3).zone


def test_a_match_of_a_search_is_held_to_the_worst_group_as_well() -> None:
    found = zone(searched_policy(made.held_policy()), 100, 0.01)
    assert (found.zone.reject_below, found.zone.threshold, found.zone.approve_from) == (0.85, 0.93, 0.935)


def test_searches_come_back_from_a_file() -> None:
    policy = searched_policy()
    assert parse(dump(policy)) == policy


def test_a_file_that_claims_more_of_searches_than_so_many_people_show_is_refused() -> None:
    point = SearchPoint(1_000, 0.001, 0.9, None, None, None, None)
    with pytest.raises(PolicyError, match="cannot show"):
        replace(made.policy(), searches=(SearchCell(1, 1, 1_000, 499_500, (point,)),))
