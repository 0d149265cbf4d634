from itertools import pairwise

import pytest

from heirloom.media.plan import LARGEST_GAP_S, Reading, choose_frames
from heirloom.media.types import ClipFacts


def clip(duration_s: float, keyframes_at_s: tuple[float, ...], frames_per_s: float = 30.0) -> ClipFacts:
    return ClipFacts(duration_s, 1920, 1080, 0, "h264", "mp4", frames_per_s, keyframes_at_s)


def every(step_s: float, until_s: float) -> tuple[float, ...]:
    return tuple(index * step_s for index in range(int(until_s / step_s)))


def test_a_keyframe_every_two_seconds_is_enough() -> None:
    plan = choose_frames(clip(10, every(2, 10)), 16)

    assert plan.reading is Reading.KEYFRAMES
    assert plan.times_s == every(2, 10)


def test_of_many_keyframes_those_spread_over_the_clip_are_taken() -> None:
    plan = choose_frames(clip(30, every(1, 30)), 10)

    assert plan.reading is Reading.KEYFRAMES
    assert len(plan.times_s) == 10
    gaps = [later - earlier for earlier, later in zip(plan.times_s, plan.times_s[1:], strict=False)]
    assert max(gaps) <= 4


def test_a_long_clip_is_read_by_seeking_to_its_keyframes() -> None:
    plan = choose_frames(clip(600, every(2, 600)), 16)

    assert plan.reading is Reading.SEEKS
    assert len(plan.times_s) == 16
    assert plan.times_s[-1] > 540
    assert set(plan.times_s) <= set(every(2, 600))


def test_keyframes_that_leave_a_long_gap_are_not_enough() -> None:
    assert choose_frames(clip(20, every(1, 6)), 16).reading is Reading.REFERENCES


def test_too_few_keyframes_are_not_enough() -> None:
    plan = choose_frames(clip(10, (0.0, 8.33)), 16)

    assert plan.reading is Reading.REFERENCES
    assert len(plan.times_s) == 16
    assert plan.times_s == tuple(sorted(plan.times_s))


def test_between_keyframes_far_apart_a_stretch_is_decoded_and_the_rest_leapt_over() -> None:
    plan = choose_frames(clip(10, (0.0, 8.33)), 8)

    assert plan.leaps_s == (8.33,)
    assert len(plan.times_s) == 8
    assert 8.33 in plan.times_s
    assert plan.times_s[0] < 0.6
    gaps = [later - earlier for earlier, later in pairwise(plan.times_s)]
    assert max(gaps) <= LARGEST_GAP_S


def test_a_clip_of_one_keyframe_is_decoded_to_its_end() -> None:
    plan = choose_frames(clip(10, (0.0,)), 8)

    assert plan.leaps_s == ()
    assert plan.times_s[-1] > 9


def test_a_late_second_keyframe_does_not_leave_most_of_the_clip_unseen() -> None:
    for second_s in (0.5, 2.0, 5.0, 9.9):
        plan = choose_frames(clip(10, (0.0, second_s)), 8)
        gaps = [later - earlier for earlier, later in pairwise((0.0, *plan.times_s, 10.0))]
        assert len(plan.times_s) == 8
        assert max(gaps) <= LARGEST_GAP_S


def test_every_frame_of_a_short_clip_is_looked_at() -> None:
    assert choose_frames(clip(1, (0.0,)), 16).reading is Reading.EVERY


@pytest.mark.parametrize("duration_s", [0.0, 0.03, 1.0, 60.0, 600.0])
@pytest.mark.parametrize("count", [1, 5, 16])
def test_there_are_never_more_times_than_were_asked_for(duration_s: float, count: int) -> None:
    for keyframes in ((0.0,), every(0.5, duration_s), every(10, duration_s)):
        assert 1 <= len(choose_frames(clip(duration_s, keyframes or (0.0,)), count).times_s) <= count


def test_a_count_of_none_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="count"):
        choose_frames(clip(1, (0.0,)), 0)
