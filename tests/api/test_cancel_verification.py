"""POST verifications/{id}/cancel/: nothing more is done, and what was sent is destroyed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from enrollment.models import Capture
from heirloom.audit.models import Action, AuditEvent
from heirloom.crypto.models import DataKey
from heirloom.jobs import services as jobs
from heirloom.jobs.leases import Lease
from heirloom.jobs.models import Job
from tests.api.conftest import codes, unknown_id
from tests.cast import Cast, caller
from tests.pictures import b64, retaken
from tests.portraits import Portrait
from verification.models import EvidenceFrame, Verification
from verification.services import signals

URL = "/api/v1/verifications/"
FILES = Path(settings.STORAGES["default"]["OPTIONS"]["location"])


@pytest.fixture
def sent(hana: APIClient, cleo: APIClient, portraits: dict[str, Portrait]) -> Verification:
    """A verification that Cleo's app asked for and nobody has begun."""
    person = hana.post("/api/v1/people/", {"full_name": "X"}, format="json").json()["id"]
    body = {"person_id": person, "image_base64": b64(portraits["hopper"].jpeg)}
    answer = cleo.post(URL, body, format="json")
    assert answer.status_code == 202, answer.content
    return Verification.objects.get(pk=answer.json()["id"])


def cancel(client: APIClient, row: Verification) -> Any:
    return client.post(f"{URL}{row.id}/cancel/")


@pytest.mark.django_db(transaction=True)
def test_one_that_waits_never_runs_and_its_capture_and_key_are_destroyed(
    cleo: APIClient, sent: Verification, work: Callable[[], None]
) -> None:
    capture = sent.capture
    assert capture is not None
    assert (FILES / capture.storage_name).exists()
    answer = cancel(cleo, sent)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["outcome"], told["decision"]) == ("done", "failed", "rejected")
    assert told["reasons"] == ["cancelled"]
    assert not Capture.objects.filter(pk=capture.pk).exists()
    assert not (FILES / capture.storage_name).exists()
    assert DataKey.objects.get(subject=capture.subject).wrapped is None
    job = Job.objects.get(subject_id=sent.id)
    assert (job.state, job.error_code, job.attempts) == ("done", "cancelled", 0)
    assert not jobs.run(job_id=job.id)


def test_the_log_says_who_cancelled(hana: APIClient, sent: Verification, cast: Cast) -> None:
    assert cancel(hana, sent).status_code == 200
    event = AuditEvent.objects.get(action=Action.VERIFICATION_DECIDED, subject_id=sent.id)
    assert (event.actor_id, event.details["reasons"]) == (str(cast.hana.pk), ["cancelled"])


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_at_it_stops_at_its_next_step(
    cleo: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"person_id": enrolled["person_id"], "image_base64": b64(retaken(portraits["astronaut"]))}
    row = Verification.objects.get(pk=cleo.post(URL, body, format="json").json()["id"])
    judge = signals.of_capture

    def cancelled_meanwhile(*given: Any) -> Any:
        assert cancel(cleo, row).status_code == 200
        return judge(*given)

    monkeypatch.setattr(signals, "of_capture", cancelled_meanwhile)
    jobs.run(job_id=Job.objects.get(subject_id=row.id).id)
    _stands_cancelled(row)


@pytest.mark.django_db(transaction=True)
def test_frames_that_were_stored_by_then_go_as_well(
    cleo: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"person_id": enrolled["person_id"], "image_base64": b64(retaken(portraits["astronaut"]))}
    row = Verification.objects.get(pk=cleo.post(URL, body, format="json").json()["id"])
    write, stored = Lease.effects, []

    @contextmanager
    def cancelled_before(lease: Lease, error_code: str = "") -> Iterator[None]:
        stored.extend((FILES / "frames" / str(row.id)).iterdir())
        assert cancel(cleo, row).status_code == 200
        with write(lease, error_code):
            yield

    monkeypatch.setattr(Lease, "effects", cancelled_before)
    jobs.run(job_id=Job.objects.get(subject_id=row.id).id)
    assert stored
    _stands_cancelled(row)


def _stands_cancelled(row: Verification) -> None:
    row.refresh_from_db()
    assert (row.outcome, row.reasons, row.capture, row.score) == ("failed", ["cancelled"], None, None)
    assert not EvidenceFrame.objects.filter(verification=row).exists()
    folder = FILES / "frames" / str(row.id)
    assert not folder.exists() or not list(folder.iterdir())
    job = Job.objects.get(subject_id=row.id)
    assert (job.state, job.error_code) == ("done", "cancelled")


def test_what_is_done_stays_as_it_is(cleo: APIClient, sent: Verification) -> None:
    Verification.objects.filter(pk=sent.pk).update(outcome="rejected", decision="rejected", reasons=["no_match"])
    answer = cancel(cleo, sent)
    assert (answer.status_code, codes(answer)) == (409, ["already_decided"])
    sent.refresh_from_db()
    assert (sent.reasons, Job.objects.get(subject_id=sent.id).state) == (["no_match"], "queued")
    assert sent.capture is not None


def test_it_is_cancelled_once(cleo: APIClient, sent: Verification) -> None:
    assert cancel(cleo, sent).status_code == 200
    assert codes(cancel(cleo, sent)) == ["already_decided"]


def test_anothers_is_not_there_and_a_reviewer_may_only_look(cast: Cast, sent: Verification) -> None:
    assert cancel(caller(cast.carl), sent).status_code == 404
    answer = cancel(caller(cast.rhea), sent)
    assert (answer.status_code, codes(answer)) == (403, ["permission_denied"])
    assert caller(None).post(f"{URL}{sent.id}/cancel/").status_code == 401
    assert caller(cast.ada).post(f"{URL}{unknown_id()}/cancel/").status_code == 404
    sent.refresh_from_db()
    assert not sent.is_done
