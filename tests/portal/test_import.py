"""Importing many people in the portal: try, look, carry out, correct."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from enrollment.models import Import, ImportRow, Person
from enrollment.services.imports import lifecycle, tables
from heirloom.audit.models import Action, AuditEvent
from tests.cast import Cast
from tests.portal.conftest import text_of
from tests.sheets import person, table, zipped

NEW = "/people/imports/new/"
Work = Callable[[], None]


def filled_in(*rows: dict[str, str], **other: Any) -> dict[str, Any]:
    return {"table": SimpleUploadedFile("people.csv", table(*rows), "text/csv"), **other}


def begun(hana: Client, *rows: dict[str, str], **other: Any) -> str:
    answer = hana.post(NEW, filled_in(*rows, **other))
    assert answer.status_code == 302, text_of(answer)
    return str(answer.headers["Location"])


def test_a_trial_is_looked_at_and_then_carried_out(hana: Client, work: Work) -> None:
    link = begun(hana, person(1), person(2), person(3, email="nobody"), dry_run="on")
    waiting = text_of(hana.get(link))
    assert "Reading the table" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    work()
    page = text_of(hana.get(link))
    assert "The trial is done" in page
    assert "2 of 3 lines would be." in page
    assert "email: Enter a valid email address." in page
    assert 'hx-trigger="every 2s"' not in page
    assert not Person.objects.exists()
    assert hana.post(f"{link}retry/", {"for_real": "1"}).headers["Location"] == link
    work()
    page = text_of(hana.get(link))
    assert "2 people were added" in page
    assert Person.objects.count() == 2


def test_refused_lines_are_downloaded_corrected_and_sent_back(hana: Client, work: Work) -> None:
    link = begun(hana, person(1), person(2, email="nobody"))
    work()
    lines = b"".join(hana.get(f"{link}errors.csv").streaming_content)  # type: ignore[arg-type]
    assert b"Enter a valid email address." in lines
    mended = SimpleUploadedFile("errors.csv", lines.replace(b"nobody", b"two@example.org"), "text/csv")
    assert hana.post(f"{link}retry/", {"table": mended}).status_code == 302
    work()
    assert "2 people were added" in text_of(hana.get(link))


def test_what_failed_for_a_passing_reason_is_offered_again(hana: Client, work: Work) -> None:
    link = begun(hana, person(1), person(2, email="nobody"))
    work()
    ImportRow.objects.filter(verdict="refused").update(codes=["interrupted"])
    assert "Try 1 again as it is" in text_of(hana.get(link))
    assert hana.post(f"{link}retry/").status_code == 302
    work()
    again = hana.post(f"{link}retry/")
    assert again.status_code == 422
    assert "Nothing of this import could go better as it is." in text_of(again)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "This field is required."),
        ({"table": b"name\nAda\n"}, "It lacks: &#x27;employee_id&#x27;, &#x27;full_name&#x27;."),
        ({"table": b""}, "The file is empty."),
        ({"table": table(person(1)), "photos": b"no zip"}, "This is not a whole ZIP file."),
    ],
)
def test_what_cannot_be_used_stands_at_its_field(hana: Client, files: dict[str, bytes], said: str) -> None:
    answer = hana.post(NEW, {name: SimpleUploadedFile(name, data) for name, data in files.items()})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not Import.objects.exists()


def test_a_broken_table_says_where_and_may_be_sent_again(hana: Client, work: Work) -> None:
    broken = SimpleUploadedFile("t.csv", b"employee_id,full_name\nE-1,Ada\nE-2,\xe9\n")
    link = str(hana.post(NEW, {"table": broken}).headers["Location"])
    work()
    page = text_of(hana.get(link))
    assert "The import could not be carried out" in page
    assert "Line 3 is not in UTF-8." in page
    assert hana.post(f"{link}retry/", filled_in(person(1))).status_code == 302


def test_an_import_is_cancelled(hana: Client, work: Work) -> None:
    link = begun(hana, person(1))
    assert hana.post(f"{link}cancel/").headers["Location"] == link
    page = text_of(hana.get(link))
    assert "0 people were added before that and stay." in page
    assert hana.post(f"{link}cancel/").status_code == 302
    work()
    assert not Person.objects.exists()


def test_while_a_part_is_away_the_page_says_so(hana: Client) -> None:
    from heirloom.jobs.models import Job

    link = begun(hana, person(1))
    Job.objects.update(error_code="vision_unavailable")
    assert "The vision process does not answer. It is tried again by itself." in text_of(hana.get(link))


def test_the_script_gets_the_state_alone(hana: Client) -> None:
    link = begun(hana, person(1))
    part = text_of(hana.get(link, headers={"HX-Request": "true"}))
    assert part.startswith('<div id="import"')
    answer = hana.post(NEW, filled_in(person(2)), headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("/people/imports/")


def test_lines_are_shown_by_verdict_in_pages_at_a_constant_cost(
    hana: Client, work: Work, django_assert_max_num_queries: Any
) -> None:
    link = begun(hana, *(person(number, email="nobody" if number % 2 else "") for number in range(130)))
    work()
    with django_assert_max_num_queries(8):
        page = text_of(hana.get(link))
    assert "of 130" in page
    with django_assert_max_num_queries(8):
        refused = text_of(hana.get(link, {"verdict": "refused", "page": 2}))
    assert "of 65" in refused
    assert "Person 129" in refused
    assert "Person 128" not in refused


def test_the_list_costs_the_same_however_long(hana: Client, cast: Cast, django_assert_num_queries: Any) -> None:
    def listed() -> str:
        return text_of(hana.get("/people/imports/"))

    assert "Nothing was imported yet." in listed()
    Import.objects.create(owner=cast.hana, dry_run=True, total=3, refused=1, outcome="completed")
    with django_assert_num_queries(5):
        assert "3 lines, 1 refused" in listed()
    Import.objects.bulk_create(Import(owner=cast.hana, dry_run=False) for _ in range(60))
    with django_assert_num_queries(5):
        assert "of 61" in listed()


def test_once_all_is_deleted_the_page_says_so(hana: Client, work: Work) -> None:
    link = begun(hana, person(1, email="nobody"))
    work()
    Import.objects.update(finished_at=timezone.now() - timezone.timedelta(days=30))  # type: ignore[attr-defined]
    assert lifecycle.sweep() == 1
    page = text_of(hana.get(link))
    assert "was deleted on" in page
    assert "Send the correction" not in page


def test_the_template_is_downloaded(hana: Client) -> None:
    assert hana.get("/people/imports/template.csv").content == tables.template()


def test_a_person_is_exported_from_their_page(hana: Client, grace: Person) -> None:
    assert f'action="/people/{grace.id}/export/"' in text_of(hana.get(f"/people/{grace.id}/"))
    answer = hana.post(f"/people/{grace.id}/export/")
    assert b"".join(answer.streaming_content).startswith(b"PK")  # type: ignore[arg-type]
    assert AuditEvent.objects.filter(action=Action.PERSON_EXPORTED, subject_id=grace.id).count() == 1
    assert "Data exported" in text_of(hana.get(f"/people/{grace.id}/"))


def test_it_is_for_hr_alone(hana: Client, rhea: Client, cleo: Client, grace: Person) -> None:
    link = begun(hana, person(1))
    for page in ("/people/imports/", NEW, "/people/imports/template.csv", link, f"{link}errors.csv"):
        assert rhea.get(page).status_code == 302
        assert cleo.get(page).status_code == 403
    assert cleo.post(f"/people/{grace.id}/export/").status_code == 403
    for page in (NEW, f"{link}retry/", f"{link}cancel/"):
        assert cleo.post(page).status_code == 403
    assert Import.objects.get().outcome == ""


def test_an_import_that_never_was_is_not_found(hana: Client) -> None:
    link = f"/people/imports/{uuid.uuid4()}/"
    for answer in (
        hana.get(link),
        hana.get(f"{link}errors.csv"),
        hana.post(f"{link}retry/"),
        hana.post(f"{link}cancel/"),
    ):
        assert answer.status_code == 404
    assert hana.get(f"{link}retry/").status_code == 405


def test_photos_need_no_table_named_anew(hana: Client, work: Work) -> None:
    consent = {"consent_policy_version": "2026-1", "consent_given_at": "2026-01-05", "consent_method": "written"}
    link = begun(hana, person(1, **consent, photos="a.jpg"))
    work()
    assert "There is no ZIP of photos." in text_of(hana.get(link))
    photos = SimpleUploadedFile("photos.zip", zipped({"b.jpg": b"x"}), "application/zip")
    hana.post(f"{link}retry/", {"photos": photos})
    work()
    assert "The ZIP holds no such photo." in text_of(hana.get(link))
