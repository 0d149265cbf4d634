from datetime import timedelta

import pytest
from django.db.models import F

from heirloom.jobs import liveness
from heirloom.jobs.models import WorkerHeartbeat

pytestmark = pytest.mark.django_db


def names(kind: str) -> list[str]:
    return list(WorkerHeartbeat.objects.alive(kind).values_list("name", flat=True))


def test_who_beats_is_alive_under_its_kind() -> None:
    liveness.beat(name="a", kind="worker", details={"threads": 4})
    liveness.beat(name="b", kind="vision")
    liveness.beat(name="a", kind="worker", details={"threads": 2})
    assert (names("worker"), names("vision")) == (["a"], ["b"])
    assert WorkerHeartbeat.objects.get(name="a").details == {"threads": 2}


def test_who_falls_silent_is_not() -> None:
    liveness.beat(name="a", kind="worker")
    WorkerHeartbeat.objects.update(good_until=F("good_until") - timedelta(seconds=30))
    assert names("worker") == []


def test_who_signs_off_is_forgotten_and_so_are_the_long_silent() -> None:
    liveness.beat(name="a", kind="worker")
    liveness.beat(name="crashed", kind="worker")
    WorkerHeartbeat.objects.filter(name="crashed").update(seen_at=F("seen_at") - timedelta(days=2))
    liveness.sign_off(name="a")
    assert not WorkerHeartbeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_pulse_outlives_what_it_stumbles_over_and_signs_off_when_stopped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.jobs.workers import soon

    monkeypatch.setattr(liveness, "EVERY_S", 0.05)
    turns: list[int] = []

    def stumble() -> None:
        turns.append(1)
        raise LookupError

    pulse = liveness.Pulse(name="a", kind="worker", each_time=stumble)
    pulse.start()
    soon(lambda: len(turns) > 2)
    assert names("worker") == ["a"]
    pulse.stop()
    assert not WorkerHeartbeat.objects.exists()
    assert "LookupError" in caplog.text
