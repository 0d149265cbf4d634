"""A shift of two points is found soon, and what did not move raises no alarm."""

import numpy as np
import pytest

from heirloom.evaluation import drift


def installations(rate: float, events: int, *, shift: float = 0.0, many: int = 20) -> list[drift.Watched]:
    random = np.random.default_rng(7)
    begun = [drift.begin(random.random(drift.BASELINE_EVENTS) < rate) for _ in range(many)]
    return [drift.follow(one, random.random(events) < rate + shift) for one in begun]


@pytest.mark.parametrize(("rate", "within"), [(0.02, 6_000), (0.1, 30_000)])
def test_an_injected_shift_of_two_points_is_found_within_so_many_events(rate: float, within: int) -> None:
    found = [one.alarmed_after for one in installations(rate, within, shift=drift.SHIFT)]
    assert sum(after is not None for after in found) >= 19


@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_a_year_of_a_thousand_a_day_without_a_shift_raises_almost_no_alarm(rate: float) -> None:
    assert sum(one.alarmed_after is not None for one in installations(rate, 365_000)) <= 4


def test_a_fall_is_found_as_well() -> None:
    found = installations(0.1, 30_000, shift=-drift.SHIFT)
    assert sum(one.alarmed_after is not None for one in found) >= 19


def test_events_one_by_one_say_the_same_as_all_together() -> None:
    random = np.random.default_rng(3)
    events = random.random(500) < 0.3
    together = drift.follow(drift.Watched(0.2), events)
    one_by_one = drift.Watched(0.2)
    for event in events:
        one_by_one = drift.follow(one_by_one, np.array([event]))
    assert one_by_one.rise == pytest.approx(together.rise)
    assert (one_by_one.events, one_by_one.hits) == (together.events, together.hits)


def test_no_single_event_is_an_alarm() -> None:
    for baseline in (0.001, 0.5, 0.999):
        for event in (True, False):
            assert drift.follow(drift.Watched(baseline), np.array([event])).evidence < drift.LIMIT


def test_a_rate_without_a_baseline_is_no_rate() -> None:
    with pytest.raises(ValueError, match="no baseline"):
        drift.begin(np.empty(0, bool))
