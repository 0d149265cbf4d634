from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from enrollment.models import Enrollment, Person
from enrollment.services import consents, people
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job, JobState
from tests.cast import Cast, just_signed_in, make_cast


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    just_signed_in(client)
    return client


@pytest.fixture
def hana(cast: Cast) -> Client:
    return signed_in(cast.hana)


@pytest.fixture
def rhea(cast: Cast) -> Client:
    return signed_in(cast.rhea)


@pytest.fixture
def cleo(cast: Cast) -> Client:
    return signed_in(cast.cleo)


@pytest.fixture
def work() -> Callable[[], None]:
    """Do all that waits, in this process."""

    def run() -> None:
        for job in Job.objects.filter(state=JobState.QUEUED):
            jobs.run(job_id=job.id)

    return run


@pytest.fixture
def grace(cast: Cast) -> Person:
    """A person with consent, and no pictures yet."""
    person = people.create_person(full_name="Grace Hopper", employee_id="E-7", department="Research", actor=cast.hana)
    given_at = datetime(2026, 1, 5, tzinfo=UTC)
    consents.give(person=person, policy_version="2026-1", method="written", given_at=given_at, actor=cast.hana)
    return person


def photo(data: bytes, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "image/jpeg")


def filled_in(*photos: Any, **other: Any) -> dict[str, Any]:
    """Return the enroll form as HR fills it in."""
    return {
        "full_name": "Eileen Collins",
        "employee_id": "E-1",
        "department": "Flight",
        "position": "Commander",
        "email": "eileen@example.org",
        "consent_method": "written",
        "consent_given_on": "2026-01-05",
        "consent_agreed": "on",
        "captures": list(photos),
        **other,
    }


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def latest() -> Enrollment:
    return Enrollment.objects.latest("created_at")
