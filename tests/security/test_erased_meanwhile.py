"""A person is erased, or takes the consent back, while work on the pictures is under way."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from enrollment.models import Enrollment, Person
from enrollment.services import consents
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from heirloom.portal.erasure import erase_person


def visit_of_a_person() -> Enrollment:
    person = Person.objects.create(full_name="Eileen")
    return Enrollment.objects.create(person=person, source="api")


@pytest.mark.django_db
def test_work_on_an_erased_person_ends_with_the_person() -> None:
    visit = visit_of_a_person()
    job = jobs.enqueue(kind="enrollment", subject_id=visit.id)
    erase_person(person=visit.person, actor=None)
    assert not jobs.run(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error_code) == ("done", 0, "person_erased")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["enrollment", "verification"])
def test_a_job_whose_subject_is_gone_keeps_no_other_from_being_swept(kind: str) -> None:
    visit = visit_of_a_person()
    erase_person(person=visit.person, actor=None)
    lost = jobs.enqueue(kind=kind, subject_id=visit.id)
    Job.objects.filter(pk=lost.pk).update(
        state="running", attempts=3, lease_token=uuid.uuid4(), leased_until=Now() - timedelta(seconds=1)
    )
    waits = jobs.enqueue(kind="enrollment", subject_id=visit.id)
    Job.objects.filter(pk=waits.pk).update(ring_at=Now() - timedelta(seconds=1))
    assert jobs.sweep().rung == 1


@pytest.mark.django_db(transaction=True)
def test_a_consent_is_withdrawn_only_between_two_enrollments() -> None:
    person = Person.objects.create(full_name="Eileen")
    consent = consents.give(person=person, policy_version="1", method="written", given_at=timezone.now(), actor=None)
    done: list[Any] = []

    def withdraw() -> None:
        consents.withdraw(consent=consent, actor=None)
        done.append(True)
        connection.close()

    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        thread = threading.Thread(target=withdraw)
        thread.start()
        thread.join(0.5)
        assert not done
    thread.join(10)
    assert done
    assert not person.consents.active().exists()
