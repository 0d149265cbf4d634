from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now

from heirloom.jobs import services
from heirloom.jobs.models import Job
from tests.jobs.handlers import effects, write_effect

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_broker")]


def queued(kind: str, subject_id: UUID) -> Job:
    return services.enqueue(kind=kind, subject_id=subject_id)


def after(job: Job) -> Job:
    job.refresh_from_db()
    return job


def test_a_job_is_done_once_however_often_it_is_rung(subject_id: UUID) -> None:
    job = queued("work", subject_id)
    assert services.run(job_id=job.pk)
    assert not services.run(job_id=job.pk)
    assert effects(subject_id) == ["attempt 1"]
    assert (after(job).state, job.progress, job.error_code, job.attempts) == ("done", 100, "", 1)
    assert job.created_at <= job.started_at <= job.finished_at
    assert set(job.timings) == {"working"}


def test_a_ring_for_a_job_that_is_not_there_is_nothing_to_do() -> None:
    assert not services.run(job_id=uuid4())


def test_a_handler_that_writes_nothing_is_done_all_the_same(subject_id: UUID) -> None:
    job = queued("idle", subject_id)
    services.run(job_id=job.pk)
    assert after(job).state == "done"


def test_a_job_under_lease_is_not_taken_by_another(subject_id: UUID) -> None:
    job = queued("work", subject_id)
    assert services.claim(job_id=job.pk)
    assert services.claim(job_id=job.pk) is None


def test_a_crash_leaves_no_effects_and_is_tried_again_later_and_later(
    subject_id: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    job = queued("crash", subject_id)
    services.run(job_id=job.pk)
    assert (after(job).state, job.attempts, job.error_code) == ("queued", 1, "internal_error")
    first = job.ring_at
    services.run(job_id=job.pk)
    assert after(job).ring_at - first > timedelta(seconds=2)
    assert effects(subject_id) == []
    assert "ZeroDivisionError" in caplog.text


def test_after_three_crashes_a_job_is_dead_and_its_subject_is_told_once(subject_id: UUID) -> None:
    job = queued("crash", subject_id)
    for _ in range(4):
        services.run(job_id=job.pk)
    assert (after(job).state, job.attempts, job.error_code) == ("dead", 3, "internal_error")
    assert effects(subject_id) == ["died of internal_error"]


def test_a_refusal_is_final_and_its_subject_is_told(subject_id: UUID) -> None:
    job = queued("refuse", subject_id)
    services.run(job_id=job.pk)
    assert (after(job).state, job.attempts, job.error_code) == ("done", 1, "no_face")
    assert effects(subject_id) == ["died of no_face"]


def test_a_part_that_is_away_for_a_while_costs_no_attempt(subject_id: UUID) -> None:
    job = queued("unavailable", subject_id)
    for _ in range(5):
        services.run(job_id=job.pk)
    assert (after(job).state, job.attempts, job.error_code) == ("queued", 0, "vision_unavailable")


def test_a_part_that_stays_away_ends_the_job(subject_id: UUID) -> None:
    job = queued("unavailable", subject_id)
    Job.objects.filter(pk=job.pk).update(created_at=Now() - timedelta(hours=2))
    for _ in range(3):
        services.run(job_id=job.pk)
    assert (after(job).state, effects(subject_id)) == ("dead", ["died of vision_unavailable"])


def test_a_handler_may_write_the_failed_outcome_itself(subject_id: UUID) -> None:
    job = queued("late", subject_id)
    services.run(job_id=job.pk)
    assert (after(job).state, job.error_code) == ("done", "invalid_video")
    assert effects(subject_id) == ["failed"]


def test_progress_can_be_followed(subject_id: UUID) -> None:
    job = queued("work", subject_id)
    lease = services.claim(job_id=job.pk)
    assert lease
    lease.report("decoding", 30)
    assert (after(job).state, job.stage, job.progress) == ("running", "decoding", 30)
    lease.report("comparing", 170)
    assert (after(job).stage, job.progress, list(job.timings)) == ("comparing", 100, ["decoding"])


def test_who_lost_the_lease_can_neither_report_nor_write(subject_id: UUID) -> None:
    job = queued("work", subject_id)
    slow = services.claim(job_id=job.pk)
    assert slow
    Job.objects.filter(pk=job.pk).update(leased_until=Now() - timedelta(seconds=1))
    assert services.run(job_id=job.pk)
    with pytest.raises(services.LeaseLostError):
        slow.report("working", 50)
    with pytest.raises(services.LeaseLostError), slow.effects():
        write_effect(subject_id, "twice")
    assert effects(subject_id) == ["attempt 2"]


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_kept_while_the_work_goes_on_and_lent_connections_come_back(subject_id: UUID) -> None:
    job = queued("work", subject_id)
    lease = services.claim(job_id=job.pk)
    assert lease
    before = after(job).leased_until
    with lease.kept_alive(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.6)")
    assert after(job).leased_until - before > timedelta(seconds=1)
    assert connection.pool.get_stats()["pool_available"] == connection.pool.get_stats()["pool_size"] - 1


def test_parts_of_a_long_job_stay_done_and_attempts_count_from_the_last(subject_id: UUID) -> None:
    job = queued("work", subject_id)
    Job.objects.filter(pk=job.pk).update(attempts=2)
    lease = services.claim(job_id=job.pk)
    assert lease
    with lease.part("working", 40):
        write_effect(subject_id, "first part")
    assert (after(job).state, job.stage, job.progress, job.attempts) == ("running", "working", 40, 1)
    with pytest.raises(ZeroDivisionError), lease.part("working", 60):
        _write_and_break(subject_id)
    Job.objects.filter(pk=job.pk).update(leased_until=Now() - timedelta(seconds=1))
    assert services.claim(job_id=job.pk)
    with pytest.raises(services.LeaseLostError), lease.part("working", 60):
        write_effect(subject_id, "never to be seen")
    assert (effects(subject_id), after(job).progress) == (["first part"], 0)


def test_a_job_that_cannot_begin_now_is_put_back_without_an_attempt(subject_id: UUID) -> None:
    job = queued("work", subject_id)
    lease = services.claim(job_id=job.pk)
    assert lease
    lease.put_back(timedelta(seconds=30))
    assert (after(job).state, job.attempts, job.lease_token) == ("queued", 0, None)
    assert job.ring_at - job.created_at > timedelta(seconds=29)
    with pytest.raises(services.LeaseLostError):
        lease.put_back(timedelta())
    with pytest.raises(services.LeaseLostError), lease.effects():
        write_effect(subject_id, "never to be seen")
    assert services.run(job_id=job.pk)
    assert effects(subject_id) == ["attempt 1"]


def _write_and_break(subject_id: UUID) -> None:
    write_effect(subject_id, "never to be seen")
    raise ZeroDivisionError
