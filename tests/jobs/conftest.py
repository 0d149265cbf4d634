from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_django

from tests.jobs.workers import Worker


@pytest.fixture(scope="session")
def effect_table(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> None:
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS test_effect"
            " (subject_id uuid, what text, at timestamptz DEFAULT clock_timestamp())"
        )


@pytest.fixture(autouse=True)
def kinds_of_tests(settings: pytest_django.Settings, effect_table: None) -> None:
    from tests.jobs import settings as made_for_tests

    settings.JOB_KINDS, settings.JOB_DEAD_HANDLERS = made_for_tests.JOB_KINDS, made_for_tests.JOB_DEAD_HANDLERS
    settings.JOB_LEASE_S, settings.JOB_SWEEP_S = 2, 1


@pytest.fixture
def subject_id() -> UUID:
    return uuid4()


@pytest.fixture
def silent_broker(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, str]]:
    """A broker that only notes who was rung, for tests of the rows alone."""
    from heirloom.jobs import services

    rung: list[tuple[UUID, str]] = []
    monkeypatch.setattr(services, "_try_to_ring", lambda job_id, queue: rung.append((job_id, queue)))
    return rung


@pytest.fixture
def workers(tmp_path: Path, transactional_db: None) -> Iterator[type[Worker]]:
    """Start real Celery workers; whatever is left of them is killed after the test."""
    Worker.log_dir = tmp_path
    yield Worker
    while Worker.started:
        Worker.started.pop().end()
