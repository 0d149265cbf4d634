"""More pictures of somebody who is there already, and the page that shows what became of them."""

import uuid
from collections.abc import Callable
from pathlib import Path

from django.test import Client

from enrollment.models import Enrollment, Person
from enrollment.services import consents
from tests.pictures import landscape, retaken
from tests.portal.conftest import latest, photo, text_of
from tests.portraits import Portrait


def test_more_photos_join_those_of_a_person(
    hana: Client, grace: Person, work: Callable[[], None], vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    for data in (portraits["hopper"].jpeg, retaken(portraits["hopper"])):
        hana.post(f"/people/{grace.id}/enroll/", {"captures": [photo(data)]})
        work()
    assert grace.templates.count() == 2


def test_a_photo_of_somebody_else_is_refused(
    hana: Client, grace: Person, work: Callable[[], None], vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    for name in ("hopper", "astronaut"):
        hana.post(f"/people/{grace.id}/enroll/", {"captures": [photo(portraits[name].jpeg)]})
        work()
    page = text_of(hana.get(f"/enrollments/{latest().id}/"))
    assert "Nothing was enrolled" in page
    assert "differs from the one enrolled" in page


def test_after_a_withdrawal_consent_is_asked_for_anew(
    hana: Client, grace: Person, portraits: dict[str, Portrait]
) -> None:
    consents.withdraw(consent=grace.consents.get(), actor=None)
    url = f"/people/{grace.id}/enroll/"
    assert "No consent" in text_of(hana.get(url))
    captures = {"captures": [photo(portraits["hopper"].jpeg)]}
    assert hana.post(url, captures).status_code == 422
    assert not Enrollment.objects.exists()
    given = {"consent_method": "written", "consent_given_on": "2026-02-01", "consent_agreed": "on"}
    assert hana.post(url, {"captures": [photo(portraits["hopper"].jpeg)], **given}).status_code == 302
    assert grace.consents.active().count() == 1


def test_a_pending_visit_asks_again_by_itself(hana: Client, grace: Person, portraits: dict[str, Portrait]) -> None:
    hana.post(f"/people/{grace.id}/enroll/", {"captures": [photo(portraits["hopper"].jpeg)]})
    url = f"/enrollments/{latest().id}/"
    whole, part = text_of(hana.get(url)), text_of(hana.get(url, headers={"HX-Request": "true"}))
    assert 'hx-trigger="every 1s"' in part
    assert "<html" in whole
    assert "<html" not in part


def test_a_finished_visit_asks_no_more(
    hana: Client, grace: Person, work: Callable[[], None], vision_process: Path
) -> None:
    hana.post(f"/people/{grace.id}/enroll/", {"captures": [photo(landscape())]})
    work()
    assert "every 1s" not in text_of(hana.get(f"/enrollments/{latest().id}/"))


def test_an_unknown_id_is_not_found(hana: Client) -> None:
    for url in (f"/people/{uuid.uuid4()}/enroll/", f"/enrollments/{uuid.uuid4()}/"):
        assert hana.get(url).status_code == 404


def test_others_see_nothing(rhea: Client, cleo: Client, grace: Person) -> None:
    visit = Enrollment.objects.create(person=grace, source="portal")
    for url in (f"/people/{grace.id}/enroll/", f"/enrollments/{visit.id}/"):
        assert rhea.get(url).status_code == 302
        assert cleo.get(url).status_code == 403


def test_the_result_is_read_only(hana: Client, grace: Person) -> None:
    visit = Enrollment.objects.create(person=grace, source="portal")
    assert hana.post(f"/enrollments/{visit.id}/").status_code == 405
