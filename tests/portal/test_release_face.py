"""HR sees that many attempts on a person failed, and lets the person be verified by face again."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from enrollment.models import Person
from heirloom.audit.models import Action, AuditEvent
from tests.cast import Cast, caller
from tests.portal.conftest import text_of
from verification.models import CallerAttempts, FaceAttempts
from verification.services.claims import Claim


@pytest.fixture
def suspended(cast: Cast) -> Person:
    person = Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1", external_id="emp-1")
    held = FaceAttempts.objects.create(
        claim=Claim.of(person).token, person=person, suspended_at=timezone.now() - timedelta(hours=1)
    )
    CallerAttempts.objects.create(attempts=held, owner=cast.cleo, failures=50, last_failed_at=timezone.now())
    return person


def test_the_first_page_and_the_persons_tell_of_it(hana: Client, suspended: Person) -> None:
    home, page = text_of(hana.get("/")), text_of(hana.get(f"/people/{suspended.id}/"))
    for shown in (home, page):
        assert "No longer verified by face" in shown
        assert "Eileen Astronaut" in shown
    assert "50 attempts in a row failed" in page


def test_hr_releases_after_being_asked(hana: Client, suspended: Person) -> None:
    address = f"/people/{suspended.id}/face-verification/release/"
    assert "50 attempts" in text_of(hana.get(address))
    assert FaceAttempts.objects.get().suspended_at is not None
    answer = hana.post(address, follow=True)
    assert "can be verified by face again" in text_of(answer)
    assert "No longer verified" not in text_of(hana.get("/"))
    assert FaceAttempts.objects.get().suspended_at is None
    assert not CallerAttempts.objects.exists()
    assert AuditEvent.objects.get(action=Action.FACE_VERIFICATION_RELEASED).subject_id == suspended.id


def test_the_api_does_the_same(cast: Cast, suspended: Person) -> None:
    client, address = caller(cast.hana), "/api/v1/people/emp-1/face-verification/"
    standing = client.get(address).json()
    assert standing["suspended_at"] is not None
    assert standing["failures"] == 50
    assert client.post(f"{address}release/").json() == {"suspended_at": None, "failures": 0}
    assert client.get(address).json() == {"suspended_at": None, "failures": 0}
    assert caller(cast.cleo).post(f"{address}release/").status_code == 403


def test_who_has_no_failures_has_nothing_to_release(hana: Client, cast: Cast) -> None:
    person = Person.objects.create(full_name="Grace Hopper")
    assert "in a row failed" not in text_of(hana.get(f"/people/{person.id}/"))
    assert caller(cast.hana).post(f"/api/v1/people/{person.id}/face-verification/release/").json()["failures"] == 0
    assert not AuditEvent.objects.filter(action=Action.FACE_VERIFICATION_RELEASED).exists()
