"""Verifications and people in the administration: looked up, never written, and nothing biometric in sight or reach."""

from typing import Any

import pytest
from django.test import Client

from enrollment.models import Person
from enrollment.services import people
from heirloom.reviews.models import Review
from tests.cast import Cast
from tests.portal.conftest import text_of
from verification.models import Verification

VERIFICATIONS, PEOPLE = "/admin/verification/verification/", "/admin/enrollment/person/"


def test_a_reviewer_reads_a_verification_and_finds_its_review(rhea: Client, suspicious: Review) -> None:
    assert "Needs review" in text_of(rhea.get(VERIFICATIONS))
    page = text_of(rhea.get(f"{VERIFICATIONS}{suspicious.subject_id}/change/"))
    assert f"/admin/reviews/review/{suspicious.id}/change/" in page
    assert "Eileen Collins" in page


def test_an_admin_looks_up_a_person_and_is_led_to_the_portal(ada: Client) -> None:
    person = people.create_person(full_name="Grace Hopper", employee_id="E-7", actor=None)
    assert "Grace Hopper" in text_of(ada.get(PEOPLE))
    assert f"/people/{person.id}/" in text_of(ada.get(f"{PEOPLE}{person.id}/change/"))


def test_nothing_is_written_there(ada: Client, cast: Cast) -> None:
    person = people.create_person(full_name="Grace Hopper", employee_id="E-7", actor=None)
    verification = Verification.objects.create(owner=cast.cleo, mode="verification", outcome="rejected")
    for url in (f"{PEOPLE}{person.id}/", f"{VERIFICATIONS}{verification.id}/"):
        assert ada.post(f"{url}change/", {"full_name": "X", "decision": "approved"}).status_code == 403
        assert ada.post(f"{url}delete/", {"post": "yes"}).status_code == 403
    assert ada.get(f"{PEOPLE}add/").status_code == 403
    assert Person.objects.get().full_name == "Grace Hopper"


@pytest.mark.parametrize(
    "lookup",
    [
        "templates__vector_sealed__gt=1",
        "person_templates__vector__isnull=0",
        "person_templates__model=x",
        "captures__bytes_mark__startswith=a",
        "captures__storage_name__contains=a",
        "email__startswith=a",
    ],
)
def test_biometric_columns_cannot_be_filtered_by(ada: Client, lookup: str) -> None:
    people.create_person(full_name="Grace Hopper", employee_id="E-7", actor=None)
    assert ada.get(f"{PEOPLE}?{lookup}").status_code in {302, 400}


def test_evidence_cannot_be_filtered_by(rhea: Client) -> None:
    for lookup in ("capture__bytes_mark__startswith=a", "frames__storage_name__contains=a", "score__gt=0.5"):
        assert rhea.get(f"{VERIFICATIONS}?{lookup}").status_code in {302, 400}


def test_a_reviewer_sees_nothing_else(rhea: Client) -> None:
    for url in (PEOPLE, "/admin/accounts/user/", "/admin/audit/auditevent/", "/admin/axes/accessattempt/"):
        assert rhea.get(url).status_code == 403


def test_what_is_nobodys_business_is_not_there(ada: Client) -> None:
    for url in ("/admin/enrollment/facetemplate/", "/admin/token_blacklist/outstandingtoken/", "/admin/auth/group/"):
        assert ada.get(url).status_code == 404


def test_lists_take_few_queries(ada: Client, cast: Cast, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        person = people.create_person(full_name=f"P {number}", employee_id=f"N-{number}", actor=None)
        Verification.objects.create(owner=cast.cleo, person=person, mode="verification", outcome="rejected")
    for url in (PEOPLE, VERIFICATIONS):
        with django_assert_max_num_queries(13):
            ada.get(url)
