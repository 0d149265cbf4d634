"""The page of one person, and what can be done there."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from enrollment.models import Capture, Person
from heirloom.audit.models import Action, AuditEvent
from tests.cast import Cast
from tests.pictures import landscape
from tests.portal.conftest import photo, text_of
from tests.portraits import Portrait


@pytest.fixture
def enrolled(
    hana: Client, grace: Person, work: Callable[[], None], vision_process: Path, portraits: dict[str, Portrait]
) -> Person:
    photos = [photo(portraits["hopper"].jpeg), photo(landscape())]
    hana.post(f"/people/{grace.id}/enroll/", {"captures": photos})
    work()
    return grace


def test_it_shows_details_consent_templates_captures_and_history(hana: Client, enrolled: Person) -> None:
    page = text_of(hana.get(f"/people/{enrolled.id}/"))
    for shown in (
        "Grace Hopper",
        "E-7",
        "Research",
        "Text 2026-1",
        "dlib-resnet",
        "No face was found.",
        "Consent given",
    ):
        assert shown in page


def test_it_shows_no_numbers_of_a_template(hana: Client, enrolled: Person) -> None:
    page = hana.get(f"/people/{enrolled.id}/").content.decode()
    sealed = bytes(enrolled.templates.get().vector_sealed)
    for secret in (sealed.hex()[:16], str(sealed)[2:12], enrolled.captures.first().bytes_mark, "vector"):
        assert secret not in page


def test_it_takes_few_queries(hana: Client, enrolled: Person, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(13):
        hana.get(f"/people/{enrolled.id}/")


def test_details_are_changed(hana: Client, grace: Person) -> None:
    form = {"full_name": "Rear Admiral Hopper", "employee_id": "E-8", "status": "active", "email": "g@example.org"}
    assert hana.post(f"/people/{grace.id}/edit/", form).headers["Location"] == f"/people/{grace.id}/"
    grace.refresh_from_db()
    assert (grace.full_name, grace.employee_id, grace.email) == ("Rear Admiral Hopper", "E-8", "g@example.org")


def test_a_number_in_use_is_not_taken_over(hana: Client, grace: Person, cast: Cast) -> None:
    Person.objects.create(full_name="Other", employee_id="E-9")
    answer = hana.post(
        f"/people/{grace.id}/edit/", {"full_name": "Grace Hopper", "employee_id": "E-9", "status": "active"}
    )
    assert answer.status_code == 422
    assert "Another person has this employee number." in text_of(answer)


def test_withdrawing_consent_is_asked_twice_and_deletes_the_templates(hana: Client, enrolled: Person) -> None:
    url = f"/people/{enrolled.id}/consent/withdraw/"
    assert "1 template is deleted" in text_of(hana.get(url))
    assert enrolled.templates.count() == 1
    hana.post(url)
    assert not enrolled.templates.exists()
    assert not enrolled.consents.active().exists()
    assert "no active consent" in text_of(hana.get(url, follow=True))


def test_a_person_is_erased_when_its_number_is_typed(hana: Client, enrolled: Person) -> None:
    url = f"/people/{enrolled.id}/erase/"
    refused = hana.post(url, {"typed": "E-77"})
    assert refused.status_code == 422
    assert "Nothing was erased." in text_of(refused)
    assert Person.objects.exists()
    hana.post(url, {"typed": "E-7"})
    assert not Person.objects.exists()
    assert not Capture.objects.exists()
    assert AuditEvent.objects.filter(action=Action.PERSON_ERASED, subject_id=enrolled.id).exists()
    assert hana.get(f"/people/{enrolled.id}/").status_code == 404


PAGES = ("", "edit/", "consent/withdraw/", "erase/")


@pytest.mark.parametrize("page", PAGES)
def test_an_unknown_id_is_not_found(hana: Client, page: str) -> None:
    assert hana.get(f"/people/{uuid.uuid4()}/{page}").status_code == 404
    assert hana.get(f"/people/not-an-id/{page}").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_others_see_and_change_nothing(rhea: Client, cleo: Client, grace: Person, page: str) -> None:
    for method in ("get", "post"):
        assert getattr(rhea, method)(f"/people/{grace.id}/{page}", {"typed": "E-7"}).status_code in {302, 405}
        assert getattr(cleo, method)(f"/people/{grace.id}/{page}", {"typed": "E-7"}).status_code in {403, 405}
    assert Person.objects.filter(pk=grace.pk).exists()
    assert grace.consents.active().exists()


@pytest.mark.parametrize("page", PAGES)
def test_other_methods_are_refused(hana: Client, grace: Person, page: str) -> None:
    assert hana.delete(f"/people/{grace.id}/{page}").status_code == 405
