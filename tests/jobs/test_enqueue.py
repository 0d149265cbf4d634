import socket
from uuid import UUID

import pytest
from celery import Celery
from django.db import transaction

from heirloom.accounts.models import User
from heirloom.jobs import services
from heirloom.jobs.models import Job

Rung = list[tuple[UUID, str]]


@pytest.mark.django_db(transaction=True)
def test_a_job_is_rung_only_when_its_transaction_commits(silent_broker: Rung, subject_id: UUID) -> None:
    with transaction.atomic():
        job = services.enqueue(kind="work", subject_id=subject_id, queue="io")
        assert silent_broker == []
    assert silent_broker == [(job.pk, "io")]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_fails_leaves_no_job_and_no_ring(silent_broker: Rung, subject_id: UUID) -> None:
    def act() -> None:
        with transaction.atomic():
            services.enqueue(kind="work", subject_id=subject_id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert silent_broker == []
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_a_kind_that_nobody_handles_is_refused_at_once(subject_id: UUID) -> None:
    with pytest.raises(ValueError, match="unheard"):
        services.enqueue(kind="unheard", subject_id=subject_id)


@pytest.mark.django_db
def test_the_newest_job_about_a_subject_is_found_and_outlives_its_owner(silent_broker: Rung, subject_id: UUID) -> None:
    alice = User.objects.create_user("alice")
    services.enqueue(kind="work", subject_id=subject_id, owner=alice)
    newest = services.enqueue(kind="work", subject_id=subject_id, owner=alice)
    assert services.latest(kind="work", subject_id=subject_id) == newest
    alice.delete()
    newest.refresh_from_db()
    assert newest.owner is None


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_delays_the_job_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, subject_id: UUID
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = Celery("dead", broker=f"redis://127.0.0.1:{unused.getsockname()[1]}/0")
    dead.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0}
    monkeypatch.setattr(services, "app", dead)
    services.enqueue(kind="work", subject_id=subject_id)
    assert "the broker was not rung" in caplog.text
    assert Job.objects.get().state == "queued"


@pytest.mark.django_db(transaction=True)
def test_even_a_broker_that_was_never_set_up_fails_nothing(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    subject_id: UUID,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError("no such queue")

    monkeypatch.setattr(services.app, "send_task", broken)
    services.enqueue(kind="work", subject_id=subject_id)
    assert "no such queue" in caplog.text
    assert Job.objects.get().state == "queued"
