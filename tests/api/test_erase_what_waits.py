"""Whoever is erased leaves nothing that waits: attempts, cases, visits, lines, jobs, challenges end, and are told."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from enrollment.models import Capture, Enrollment, Import, ImportRow, Person
from enrollment.services import consents, people
from enrollment.services.imports import files
from enrollment.services.imports.tables import Line
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from heirloom.portal.erasure import erase_person
from heirloom.reviews import services as reviews
from heirloom.reviews.models import Review
from heirloom.webhooks import services as webhooks
from heirloom.webhooks.models import WebhookDelivery
from tests.api.conftest import codes
from tests.cast import Cast, caller, make_cast
from verification.models import Candidate, EvidenceClip, Verification
from verification.services import challenges


@pytest.fixture
def person(db: None) -> Person:
    return Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1")


def attempt(owner: Any, person: Person | None, **more: Any) -> Verification:
    capture = Capture(subject=uuid.uuid4(), kind="video", mime="video/mp4", source="api", size_bytes=1)
    capture.save()
    mode = "verification" if person else "identification"
    return Verification.objects.create(owner=owner, mode=mode, person=person, capture=capture, **more)


def erase(client: APIClient, person: Person) -> int:
    return int(client.post(f"/api/v1/people/{person.id}/erase/").status_code)


def test_attempts_that_wait_end_and_their_senders_are_told(
    cast: Cast, hana: APIClient, cleo: APIClient, person: Person, settings: Any
) -> None:
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    webhooks.create(owner=cast.cleo, url="http://127.0.0.1:9/", events=["verification.decided"])
    queued = attempt(cast.cleo, person)
    job = jobs.enqueue(kind="verification", subject_id=queued.id, owner=cast.cleo, queue="vision")
    doubtful = attempt(cast.cleo, person, outcome="needs_review", reasons=["score_near_threshold"])
    searched = attempt(cast.cleo, None, outcome="needs_review", reasons=["challenge_alone"])
    Candidate.objects.create(verification=searched, person=person, rank=1, score=0.9)
    for waiting in (doubtful, searched):
        reviews.open_review(kind="verification", subject_id=waiting.id, reasons=tuple(waiting.reasons), risk=0.2)
    EvidenceClip.objects.create(verification=doubtful)
    copy = jobs.enqueue(kind="evidence_clip", subject_id=doubtful.id, owner=cast.cleo, queue="media")

    assert erase(hana, person) == 204

    told = {one.id: cleo.get(f"/api/v1/verifications/{one.id}/").json() for one in (queued, doubtful, searched)}
    assert {answer["status"] for answer in told.values()} == {"done"}
    assert {answer["decision"] for answer in told.values()} == {"rejected"}
    assert [told[one.id]["outcome"] for one in (queued, doubtful, searched)] == ["failed", *["needs_review"] * 2]
    assert {answer["reasons"][-1] for answer in told.values()} == {"person_erased"}
    assert {str(one.id) for one in (queued, doubtful, searched)} == set(told_by_webhook("verification.decided"))
    assert not Review.objects.exists()
    for ended in (job, copy):
        answer = cleo.get(f"/api/v1/jobs/{ended.id}/").json()
        assert (answer["state"], answer["error_code"]) == ("done", "person_erased")
    assert not Job.objects.waiting().exclude(kind="webhook").exists()


def told_by_webhook(event: str) -> set[str]:
    import json

    bodies = WebhookDelivery.objects.filter(type=event).values_list("payload", flat=True)
    return {json.loads(body)["data"]["verification_id"] for body in bodies}


def test_visits_and_their_cases_end(cast: Cast, hana: APIClient, person: Person) -> None:
    pending = Enrollment.objects.create(person=person, source="api", requested_by=cast.hana)
    job = jobs.enqueue(kind="enrollment", subject_id=pending.id, owner=cast.hana, queue="vision")
    for kind in ("duplicate", "replacement"):
        visit = Enrollment.objects.create(person=person, source="api", outcome="needs_review")
        reviews.open_review(kind=kind, subject_id=visit.id, reasons=("duplicate_person",), risk=0.5)
    assert erase(hana, person) == 204
    assert not Review.objects.exists()
    assert hana.get(f"/api/v1/enrollments/{pending.id}/").status_code == 404
    assert hana.get(f"/api/v1/jobs/{job.id}/").json()["error_code"] == "person_erased"
    assert not jobs.run(job_id=job.id)


def test_a_challenge_of_an_erased_person_is_not_there(
    cast: Cast, hana: APIClient, cleo: APIClient, person: Person
) -> None:
    issued = challenges.issue(owner=cast.cleo, person=person)
    assert erase(hana, person) == 204
    with pytest.raises(Refusal, check=lambda refusal: refusal.code == "not_found"):
        challenges.find(owner=cast.cleo, challenge_id=issued.challenge.id, nonce=issued.nonce, person=None)


def test_a_line_that_was_still_to_be_carried_out_is_refused(cast: Cast, person: Person) -> None:
    batch = Import.objects.create(owner=cast.hana, dry_run=False, total=2, tables=1)
    lines = [Line(2, {"employee_id": "E-1", "full_name": "Eileen"}), Line(3, {"employee_id": "E-2", "full_name": "X"})]
    for line, cells in zip(lines, files.sealed(batch, 1, lines), strict=True):
        ImportRow.objects.create(batch=batch, table=1, line=line.number, cells_sealed=cells)
    erase_person(person=person, actor=cast.hana)
    refused, waits = batch.rows.order_by("line")
    assert (refused.verdict, refused.codes, refused.cells_sealed) == ("refused", ["person_erased"], None)
    assert (waits.verdict, bool(waits.cells_sealed)) == ("", True)
    batch.refresh_from_db()
    assert (batch.refused, batch.pending) == (1, 1)


def test_nothing_that_comes_late_brings_an_erased_person_back(cast: Cast, person: Person) -> None:
    stale = Person.objects.get(pk=person.pk)
    consent = consents.give(person=person, policy_version="1", method="written", given_at=timezone.now(), actor=None)
    erase_person(person=person, actor=cast.hana)
    late = (
        lambda: people.update_person(person=stale, actor=cast.hana, full_name="Back again"),
        lambda: consents.give(
            person=stale, policy_version="2", method="written", given_at=timezone.now(), actor=cast.hana
        ),
        lambda: consents.withdraw(consent=consent, actor=cast.hana),
        lambda: challenges.issue(owner=cast.cleo, person=stale),
        lambda: erase_person(person=stale, actor=cast.hana),
    )
    for act in late:
        with pytest.raises(Refusal, check=lambda refusal: refusal.code == "not_found"):
            act()
    assert not Person.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_erase_at_once_one_does_and_the_others_find_nobody(transactional_db: None) -> None:
    cast = make_cast()
    person = Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1")
    for number in range(4):
        sent = attempt(cast.cleo, person)
        jobs.enqueue(kind="verification", subject_id=sent.id, owner=cast.cleo, queue="vision")
        visit = Enrollment.objects.create(person=person, source="api")
        jobs.enqueue(kind="enrollment", subject_id=visit.id, queue="vision", after=timedelta(seconds=number))
    clients, told = [caller(cast.hana, raise_request_exception=False) for _ in range(6)], []
    start = threading.Barrier(6)

    def ask(client: APIClient) -> None:
        start.wait(30)
        told.append(erase(client, person))
        connection.close()

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [204, *[404] * 5]
    assert set(Verification.objects.values_list("outcome", "person")) == {("failed", None)}
    assert codes(caller(cast.hana).post(f"/api/v1/people/{person.id}/erase/")) == ["not_found"]


@pytest.mark.django_db(transaction=True)
def test_who_sends_while_a_person_is_erased_is_refused_or_told_the_end(transactional_db: None) -> None:
    cast = make_cast()
    person = Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1")
    # Of HR: a client app is not told that nobody is there any more.
    hana = caller(cast.hana, raise_request_exception=False)
    answers: list[Any] = []

    def send() -> None:
        for _ in range(8):
            body = {"employee_id": "E-1", "image_base64": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4"}
            answers.append(hana.post("/api/v1/verifications/", body, format="json"))
        connection.close()

    sender = threading.Thread(target=send)
    sender.start()
    erase_person(person=person, actor=cast.hana)
    sender.join()
    assert {answer.status_code for answer in answers} <= {202, 404, 429}
    for row in Verification.objects.all():
        assert (row.outcome, row.reasons) == ("failed", ["person_erased"])
