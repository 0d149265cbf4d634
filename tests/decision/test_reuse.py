"""A capture handed in again: whose, how like, and how soon decide what that is worth."""

from dataclasses import replace

import pytest

from heirloom.decision.reuse import RETRY_S, Earlier, Likeness, judge
from heirloom.vision.types import AttackOutcome

RETRY = Earlier(Likeness.BYTES, enrolled=False, same_client=True, same_person=True, age_s=60.0, label="verification 1")
LOOKS = replace(RETRY, likeness=Likeness.LOOKS)


def test_nothing_earlier_is_clear() -> None:
    assert judge([]).outcome is AttackOutcome.CLEAR


@pytest.mark.parametrize("earlier", [RETRY, LOOKS])
def test_a_retry_is_recorded_and_not_held_against_anybody(earlier: Earlier) -> None:
    said = judge([earlier])
    assert (said.outcome, said.why, said.detail) == (AttackOutcome.CLEAR, "sent_again", "verification 1")


@pytest.mark.parametrize("change", [{"age_s": RETRY_S + 1}, {"same_client": False}])
def test_the_same_again_later_or_by_another_client_is_suspicious(change: dict[str, object]) -> None:
    assert judge([replace(RETRY, **change)]).why == "file_seen"  # type: ignore[arg-type]
    assert judge([replace(LOOKS, **change)]).why == "looks_seen"  # type: ignore[arg-type]
    assert judge([replace(RETRY, **change)]).outcome is AttackOutcome.SUSPICIOUS  # type: ignore[arg-type]


def test_one_file_for_two_people_is_an_attack() -> None:
    said = judge([replace(RETRY, same_person=False)])
    assert (said.outcome, said.why) == (AttackOutcome.ATTACK, "file_of_another")


def test_the_file_that_somebody_was_enrolled_with_is_an_attack() -> None:
    for same_person in (True, False):
        said = judge([replace(RETRY, enrolled=True, same_client=False, same_person=same_person)])
        assert (said.outcome, said.why) == (AttackOutcome.ATTACK, "file_enrolled")


def test_the_looks_of_an_enrollment_picture_are_suspicious() -> None:
    said = judge([replace(LOOKS, enrolled=True)])
    assert (said.outcome, said.why) == (AttackOutcome.SUSPICIOUS, "looks_enrolled")


def test_the_gravest_repetition_speaks() -> None:
    assert judge([RETRY, replace(RETRY, enrolled=True), LOOKS]).why == "file_enrolled"
