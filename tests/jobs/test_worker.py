"""A real worker process over the real broker."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from heirloom.celery import app
from heirloom.crypto.scratch import scratch_root
from heirloom.jobs import services
from heirloom.jobs.models import Job, WorkerHeartbeat
from tests.jobs.handlers import effects
from tests.jobs.workers import Worker, soon

pytestmark = pytest.mark.django_db(transaction=True)
Workers = type[Worker]


def states() -> set[str]:
    return set(Job.objects.values_list("state", flat=True))


def test_jobs_of_every_queue_are_done_soon_and_once(workers: Workers) -> None:
    worker = workers.start()
    subjects = [uuid4() for _ in range(20)]
    for number, subject_id in enumerate(subjects):
        queue = ("media", "vision", "interactive", "io")[number % 4]
        services.enqueue(kind="work", subject_id=subject_id, queue=queue)
    soon(lambda: states() == {"done"})
    assert [effects(subject_id) for subject_id in subjects] == [["attempt 1"]] * 20
    assert WorkerHeartbeat.objects.alive("worker").count() == 1
    worker.ask_to_stop()
    assert worker.wait(10)
    assert not WorkerHeartbeat.objects.filter(kind="worker").exists()


def test_a_job_of_a_killed_worker_is_done_once_by_the_next(workers: Workers, subject_id: UUID) -> None:
    victim = workers.start(WORK_S="60")
    services.enqueue(kind="work", subject_id=subject_id)
    soon(lambda: Job.objects.filter(stage="working").exists())
    victim.kill()
    workers.start()
    soon(lambda: states() == {"done"})
    assert effects(subject_id) == ["attempt 2"]


def test_a_living_worker_takes_over_from_a_killed_one_without_beat(workers: Workers, subject_id: UUID) -> None:
    victim = workers.start(WORK_S="60")
    services.enqueue(kind="work", subject_id=subject_id)
    soon(lambda: Job.objects.filter(stage="working").exists())
    workers.start()
    victim.kill()
    soon(lambda: states() == {"done"})
    assert effects(subject_id) == ["attempt 2"]


def test_a_job_longer_than_its_lease_is_not_given_to_another(workers: Workers, subject_id: UUID) -> None:
    workers.start(WORK_S="5")
    services.enqueue(kind="work", subject_id=subject_id)
    soon(lambda: states() == {"done"})
    assert effects(subject_id) == ["attempt 1"]


def test_a_job_whose_ring_was_lost_is_found_by_the_worker_itself(
    workers: Workers, subject_id: UUID, silent_broker: list[tuple[UUID, str]]
) -> None:
    job = services.enqueue(kind="work", subject_id=subject_id)
    Job.objects.update(ring_at=job.created_at)
    workers.start()
    soon(lambda: states() == {"done"})


def test_beat_asks_for_sweeps(workers: Workers) -> None:
    with app.connection_for_read() as broker:
        queue = app.amqp.queues["io"](broker.default_channel)
        queue.declare()
        queue.purge()
        workers.start_beat()
        soon(lambda: queue.queue_declare().message_count > 0)


def test_a_starting_worker_deletes_plaintext_that_a_killed_one_left(workers: Workers) -> None:
    folder = scratch_root() / "left"
    folder.mkdir()
    (folder / "plain.mp4").write_text("a face")
    workers.start()
    soon(lambda: not folder.exists())


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on PATH")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


def test_the_same_over_redis(
    workers: Workers, subject_id: UUID, redis_url: str, silent_broker: list[tuple[UUID, str]]
) -> None:
    """Nobody rings but the workers themselves, so it is Redis that carries the job."""
    victim = workers.start(WORK_S="60", CELERY_BROKER_URL=redis_url)
    job = services.enqueue(kind="work", subject_id=subject_id)
    Job.objects.update(ring_at=job.created_at)
    soon(lambda: Job.objects.filter(stage="working").exists())
    victim.kill()
    workers.start(CELERY_BROKER_URL=redis_url)
    soon(lambda: states() == {"done"})
    assert effects(subject_id) == ["attempt 2"]
