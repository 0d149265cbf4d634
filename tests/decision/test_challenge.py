"""A challenge: what it asks, and which clips do not answer it."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from heirloom.decision.challenge import (
    FEWEST_WAYS,
    HEAD,
    INSTRUCTIONS,
    LATE_S,
    Verdict,
    draw,
    failed,
    judge,
    schedule,
    too_early,
    ways,
)
from heirloom.decision.gestures import Kind
from heirloom.vision.motion import Change
from heirloom.vision.types import AttackOutcome
from tests.heads import acted, moment, turned

LEFT, RIGHT, UP, DOWN, EYES = Kind
ASKED = (LEFT, UP, LEFT, DOWN, RIGHT)
STEPS = schedule(ASKED)
FRAMES_PER_S = 30
RESTING = (0.4, 0.5, 0.4, 0.6, 0.5, 0.4)


def changing(*levels: float, since_s: float = 5.0) -> list[Change]:
    return [Change(since_s + number / FRAMES_PER_S, level) for number, level in enumerate(levels)]


STEADY = changing(*RESTING * 80, since_s=0.0)


def outcome(verdict: Verdict) -> tuple[str, str]:
    return verdict.outcome.value, verdict.code


def test_a_clip_that_shows_every_step_in_order_and_in_time_passes() -> None:
    verdict = judge(acted(ASKED), STEPS, STEADY)
    assert outcome(verdict) == ("bona_fide", "")
    assert [gesture.kind for gesture in verdict.gestures] == list(ASKED)
    assert verdict.signal.detector == "challenge"


def test_closed_eyes_are_a_step_and_a_blink_is_none() -> None:
    asked = (EYES, LEFT, EYES)
    moments = acted(asked)
    blinking = [replace(m, eyes=0.1) if 4.0 < m.at_s < 4.2 else m for m in moments]
    assert judge(blinking, schedule(asked), STEADY).code == ""


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        ((), "challenge_not_shown"),
        (ASKED[:3], "challenge_incomplete"),
        (ASKED[1:], "challenge_incomplete"),
        ((UP, LEFT, LEFT, DOWN, RIGHT), "challenge_wrong_order"),
        ((RIGHT, UP, RIGHT, DOWN, LEFT), "challenge_wrong_order"),
        ((*ASKED[:4], UP), "challenge_wrong_order"),
    ],
)
def test_other_movements_than_asked_fail(shown: tuple[Kind, ...], code: str) -> None:
    verdict = judge(acted(shown), STEPS, STEADY)
    assert verdict.code == code
    assert verdict.outcome is not AttackOutcome.BONA_FIDE


def test_a_movement_more_fails() -> None:
    crowded = acted((LEFT, UP, DOWN, LEFT, DOWN, RIGHT), pace_s=2.1, until_s=14.5)
    assert judge(crowded, STEPS, STEADY).code == "challenge_extra_gesture"


def test_movements_before_their_time_or_after_it_fail() -> None:
    assert judge(acted(ASKED, late_s=0.3, pace_s=2.1), STEPS, STEADY).code == "challenge_out_of_time"
    assert judge(acted(ASKED, late_s=1.9), STEPS, STEADY).code == "challenge_out_of_time"


def test_a_glance_is_not_held_long_enough() -> None:
    glance = [moment(m.at_s, turned(25, 0)) if 2.0 <= m.at_s < 2.2 else m for m in acted((), until_s=14)]
    assert judge(glance, STEPS, STEADY).code == "challenge_not_shown"


def test_a_head_that_is_elsewhere_at_once_is_spliced() -> None:
    moments = [moment(at, turned(-20 if at < 5 else 28, 0)) for at in np.arange(0, 14, 0.125)]
    assert outcome(judge(moments, STEPS, STEADY)) == ("attack", "challenge_spliced")


def test_a_picture_that_changes_at_once_while_the_head_rests_is_spliced() -> None:
    cut = (*RESTING, 4.0, *RESTING)
    assert outcome(judge(acted(ASKED), STEPS, changing(*cut))) == ("attack", "challenge_spliced")
    afterwards = [*changing(*RESTING, *RESTING), *changing(*cut, since_s=STEPS[-1].to_s + LATE_S)]
    assert judge(acted(ASKED), STEPS, afterwards).code == ""


def test_where_nothing_tells_of_cuts_nothing_is_proved() -> None:
    for told in ([], changing(0.4), changing(*RESTING)):
        assert outcome(judge(acted(ASKED), STEPS, told)) == ("inconclusive", "challenge_unclear")


def test_stills_shown_one_after_another_are_spliced() -> None:
    stills = [Change(number / FRAMES_PER_S, 6.0 if number % 30 == 15 else 0.0) for number in range(420)]
    assert outcome(judge(acted(ASKED), STEPS, stills)) == ("attack", "challenge_spliced")


def test_repeated_frames_hide_no_cut() -> None:
    held = changing(*RESTING, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, *RESTING)
    assert judge(acted(ASKED), STEPS, held).code == "challenge_spliced"


@pytest.mark.parametrize(
    "moving",
    [
        (1.0, 3.0, 8.0, 9.0, 8.0, 6.0, 2.0),
        (0.0, 5.0, 0.0, 0.0, 7.0, 0.0, 0.0, 6.0, 0.0),  # ten frames a second in a clip of thirty
        (1.9,),  # what a keyframe of a clip with few bits changes
        (3.0, 4.0, 12.0, 5.0, 3.0),  # frames that the camera lost
    ],
)
def test_a_picture_that_changes_as_heads_move_and_cameras_record_is_not(moving: tuple[float, ...]) -> None:
    assert judge(acted(ASKED), STEPS, changing(*RESTING, *moving, *RESTING)).code == ""


def test_a_photo_tilted_as_if_it_were_a_head_is_flat() -> None:
    def tilted(at_s: float) -> float:
        return 50 * float(np.clip(min(at_s - 2.1, 3.7 - at_s) / 0.4, 0, 1))

    moments = [
        moment(at, np.asarray(turned(0, 0) * [np.cos(np.radians(tilted(at))), 1.0], np.float32))
        for at in np.arange(0, 14, 0.125)
    ]
    assert outcome(judge(moments, STEPS, STEADY)) == ("attack", "challenge_flat")


def test_a_face_unseen_for_a_while_proves_nothing() -> None:
    moments = [m for m in acted(ASKED) if not 6.0 < m.at_s < 6.8]
    assert outcome(judge(moments, STEPS, STEADY)) == ("inconclusive", "challenge_unclear")
    assert judge([], STEPS, STEADY).code == "challenge_unclear"


def test_a_clip_longer_than_the_time_there_was_is_older_than_its_challenge() -> None:
    assert too_early(clip_s=14.0, available_s=13.0)
    assert too_early(clip_s=14.0, available_s=14.1) is False
    assert too_early(clip_s=None, available_s=14.1) is None, "a clip that says no length has not shown that it is short"
    assert failed("challenge_recorded_early").outcome is AttackOutcome.ATTACK


def test_every_order_is_drawn_as_often_as_any_other() -> None:
    choose = random.Random(1).choice
    drawn = [draw(HEAD, choose) for _ in range(8000)]
    assert {len(each) for each in drawn} == {5}
    firsts = Counter(each[0] for each in drawn)
    assert all(1800 < count < 2200 for count in firsts.values())
    assert len(set(drawn)) > 0.99 * ways(HEAD)


@pytest.mark.parametrize("kinds", [HEAD, HEAD[:3], [*HEAD, EYES], [LEFT, RIGHT, EYES]])
def test_a_recording_of_one_challenge_hardly_ever_fits_another(kinds: list[Kind]) -> None:
    assert ways(kinds) >= FEWEST_WAYS
    assert set(draw(kinds, random.Random(2).choice)) & set(HEAD)


def test_too_few_kinds_make_no_challenge() -> None:
    with pytest.raises(ValueError, match="3 kinds"):
        draw([LEFT, RIGHT], random.choice)


def test_every_kind_is_told_in_plain_words() -> None:
    assert set(INSTRUCTIONS) == set(Kind)
