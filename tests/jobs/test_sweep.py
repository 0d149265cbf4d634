from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError
from django.db.models import F
from django.db.models.functions import Now

from heirloom.jobs import services
from heirloom.jobs.models import Job
from tests.jobs.handlers import effects

pytestmark = pytest.mark.django_db
Rung = list[tuple[UUID, str]]


def later(seconds: float) -> None:
    """Let time pass: every moment in the job rows moves back."""
    gone = timedelta(seconds=seconds)
    Job.objects.update(ring_at=F("ring_at") - gone, created_at=F("created_at") - gone)
    Job.objects.filter(state="running").update(leased_until=F("leased_until") - gone)


def test_a_ring_that_was_not_heard_is_repeated_ever_more_rarely(silent_broker: Rung, subject_id: UUID) -> None:
    job = services.enqueue(kind="work", subject_id=subject_id)
    assert services.sweep() == services.Swept(rung=0, buried=0)
    later(11)
    assert services.sweep() == services.Swept(rung=1, buried=0)
    assert services.sweep() == services.Swept(rung=0, buried=0)
    later(60)
    assert services.sweep().rung == 1
    later(60)
    assert services.sweep().rung == 0
    assert silent_broker == [(job.pk, "media")] * 2


def test_a_job_that_is_to_wait_is_rung_after_its_pause_and_then_at_least_hourly(
    silent_broker: Rung, subject_id: UUID
) -> None:
    job = services.enqueue(kind="work", subject_id=subject_id, queue="io", after=timedelta(hours=6))
    later(6 * 3600 - 20)
    assert services.sweep().rung == 0
    later(30)
    assert services.sweep().rung == 1
    later(3590)
    assert services.sweep().rung == 0
    later(20)
    assert services.sweep().rung == 1
    assert silent_broker == [(job.pk, "io")] * 2


def test_a_job_whose_worker_is_gone_is_rung_and_taken_up_again(silent_broker: Rung, subject_id: UUID) -> None:
    job = services.enqueue(kind="work", subject_id=subject_id)
    services.claim(job_id=job.pk)
    assert services.sweep().rung == 0
    later(3)
    assert services.sweep().rung == 1
    assert services.run(job_id=job.pk)
    assert effects(subject_id) == ["attempt 2"]


def test_a_job_whose_workers_died_three_times_is_dead_and_its_subject_is_told(subject_id: UUID) -> None:
    job = services.enqueue(kind="work", subject_id=subject_id)
    for _ in range(3):
        assert services.claim(job_id=job.pk)
        later(3)
    assert services.claim(job_id=job.pk) is None
    assert services.sweep() == services.Swept(rung=0, buried=1)
    assert services.sweep() == services.Swept(rung=0, buried=0)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("dead", "interrupted")
    assert effects(subject_id) == ["died of interrupted"]


def test_a_finished_job_is_left_alone(silent_broker: Rung, subject_id: UUID) -> None:
    job = services.enqueue(kind="work", subject_id=subject_id)
    services.run(job_id=job.pk)
    later(1000)
    assert services.sweep() == services.Swept(rung=0, buried=0)


def test_the_database_holds_no_running_job_without_a_lease(subject_id: UUID) -> None:
    with pytest.raises(IntegrityError):
        Job.objects.create(kind="work", subject_id=subject_id, queue="media", state="running", ring_at=Now())
