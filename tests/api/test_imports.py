"""/imports/: many people by one table and one ZIP."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Import, ImportRow, Person
from enrollment.services.imports import files, tables
from heirloom.audit.models import Action, AuditEvent
from tests.api.conftest import codes, unknown_id
from tests.cast import Cast, caller
from tests.pictures import landscape, retaken
from tests.portraits import Portrait
from tests.sheets import CONSENT, named, person, table, zipped

URL = "/api/v1/imports/"
Work = Callable[[], None]


def hand_in(client: APIClient, *rows: dict[str, str], photos: bytes | None = None, **other: Any) -> Any:
    body: dict[str, Any] = {"table": named(table(*rows), "people.csv"), **other}
    if photos is not None:
        body["photos"] = named(photos, "photos.zip")
    return client.post(URL, body, format="multipart")


def begun(client: APIClient, *rows: dict[str, str], **other: Any) -> dict[str, str]:
    answer = hand_in(client, *rows, **other)
    assert answer.status_code == 202, answer.content
    return dict(answer.json()["links"])


@pytest.mark.usefixtures("vision_process")
def test_a_table_and_a_zip_are_followed_to_a_verdict_on_each_line(
    hana: APIClient, work: Work, portraits: dict[str, Portrait]
) -> None:
    photos = zipped(
        {"a/1.jpg": portraits["hopper"].jpeg, "a/2.jpg": retaken(portraits["hopper"]), "n.jpg": landscape()}
    )
    rows = [
        person(1, **CONSENT, photos="1.jpg;2.jpg;n.jpg"),
        person(2, **CONSENT, photos="n.jpg"),
        person(3, email="nobody"),
    ]
    answer = hand_in(hana, *rows, photos=photos)
    links = answer.json()["links"]
    assert (answer.status_code, answer.headers["Location"]) == (202, links["self"])
    waiting = hana.get(links["self"]).json()
    assert (waiting["status"], waiting["outcome"], waiting["counts"]["total"]) == ("queued", None, None)
    work()
    shown = hana.get(links["self"]).json()
    assert (shown["status"], shown["outcome"], shown["progress"], shown["requested_by"]) == (
        "done",
        "completed",
        100,
        "hana",
    )
    assert shown["counts"] == {
        "total": 3,
        "accepted": 1,
        "unchanged": 0,
        "needs_review": 0,
        "refused": 2,
        "pending": 0,
    }
    taken, faceless, malformed = hana.get(links["rows"]).json()["results"]
    made = Person.objects.get()
    assert (taken["line"], taken["verdict"], taken["person_id"]) == (2, "accepted", str(made.id))
    assert (taken["employee_id"], taken["full_name"]) == ("E-1", "Person 1")
    assert [photo["accepted"] for photo in taken["photos"]] == [True, True, False]
    assert taken["photos"][2]["reasons"] == ["no_face"]
    assert hana.get(f"/api/v1/enrollments/{taken['enrollment_id']}/").json()["outcome"] == "enrolled"
    assert (faceless["verdict"], faceless["codes"], faceless["person_id"]) == ("refused", ["no_face"], None)
    assert malformed["faults"] == [
        {
            "code": "validation_error",
            "detail": "Enter a valid email address.",
            "remedy": "Mend the named field.",
            "attr": "email",
        }
    ]


def test_a_dry_run_changes_nobody_and_is_then_carried_out(hana: APIClient, work: Work) -> None:
    links = begun(hana, person(1), person(2), dry_run="true")
    work()
    assert hana.get(links["self"]).json()["counts"]["accepted"] == 2
    assert hana.get(links["self"]).json()["dry_run"] is True
    assert not Person.objects.exists()
    answer = hana.post(f"{links['self']}retry/", {"dry_run": False}, format="json")
    assert (answer.status_code, answer.json()["links"]) == (202, links)
    work()
    assert hana.get(links["self"]).json()["dry_run"] is False
    assert Person.objects.count() == 2


def test_refused_lines_are_downloaded_corrected_and_sent_again(hana: APIClient, work: Work) -> None:
    links = begun(hana, person(1), person(2, email="nobody"))
    work()
    answer = hana.get(links["errors"])
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-store"
    corrected = b"".join(answer.streaming_content).replace(b"nobody", b"two@example.org")
    again = hana.post(f"{links['self']}retry/", {"table": named(corrected, "errors.csv")}, format="multipart")
    assert again.status_code == 202
    work()
    assert hana.get(links["self"]).json()["counts"]["accepted"] == 2
    assert b"".join(hana.get(links["errors"]).streaming_content).count(b"\n") == 1


def test_nothing_to_try_again_is_said(hana: APIClient, work: Work) -> None:
    links = begun(hana, person(1))
    retry = f"{links['self']}retry/"
    assert codes(hana.post(retry)) == ["import_under_way"]
    work()
    assert codes(hana.post(retry)) == ["nothing_to_retry"]


def test_an_import_is_cancelled(hana: APIClient, work: Work) -> None:
    links = begun(hana, person(1))
    assert hana.post(f"{links['self']}cancel/").json()["outcome"] == "cancelled"
    work()
    assert not Person.objects.exists()
    again = hana.post(f"{links['self']}cancel/")
    assert (again.status_code, codes(again)) == (409, ["import_settled"])
    assert codes(hana.post(f"{links['self']}retry/")) == ["import_expired"]


def test_the_template_is_served(hana: APIClient) -> None:
    answer = hana.get(f"{URL}template.csv")
    assert (answer.status_code, answer.content) == (200, tables.template())


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({}, 400, "required"),
        ({"table": b"name\nAda\n"}, 422, "table_columns"),
        ({"table": b"\xff\xfe"}, 422, "table_unreadable"),
        ({"table": b""}, 400, "empty_file"),
        ({"table": table(person(1)), "photos": b"%PDF"}, 422, "archive_invalid"),
    ],
)
def test_what_nobody_could_use_is_refused_at_the_door(
    hana: APIClient, sent: dict[str, bytes], status: int, code: str
) -> None:
    answer = hana.post(URL, {name: named(data, name) for name, data in sent.items()}, format="multipart")
    assert (answer.status_code, codes(answer)) == (status, [code])
    assert not Import.objects.exists()


def test_a_request_sent_twice_begins_one_import(hana: APIClient) -> None:
    headers = {"Idempotency-Key": "import-1"}
    first, second = (
        hana.post(URL, {"table": named(table(person(1)), "t.csv")}, format="multipart", headers=headers)
        for _ in range(2)
    )
    assert (first.status_code, second.json(), Import.objects.count()) == (202, first.json(), 1)
    other = hana.post(URL, {"table": named(table(person(2)), "t.csv")}, format="multipart", headers=headers)
    assert codes(other) == ["idempotency_key_reused"]


def test_rows_come_in_pages_and_by_verdict(hana: APIClient, work: Work) -> None:
    links = begun(hana, *(person(n, email="nobody" if n % 2 else "") for n in range(130)))
    work()
    seen, link = [], links["rows"]
    while link:
        page = hana.get(link).json()
        seen += [row["line"] for row in page["results"]]
        link = page["next"]
    assert seen == list(range(2, 132))
    refused = hana.get(links["rows"], {"verdict": "refused", "page_size": 100}).json()["results"]
    assert len(refused) == 65
    assert {row["verdict"] for row in refused} == {"refused"}
    assert hana.get(links["rows"], {"verdict": "pending"}).json()["results"] == []
    assert hana.get(links["rows"], {"verdict": "wonderful"}).status_code == 400


def test_lists_cost_the_same_queries_however_long(hana: APIClient, work: Work, django_assert_num_queries: Any) -> None:
    links = begun(hana, person(1), person(2, email="nobody"))
    work()
    with django_assert_num_queries(5):  # the login, its roles, the import, its rows, their key
        hana.get(links["rows"])
    batch = Import.objects.get()
    lines = [tables.Line(number, {"full_name": "Ada"}) for number in range(10, 50)]
    ImportRow.objects.bulk_create(
        ImportRow(batch=batch, table=1, line=line.number, verdict="refused", cells_sealed=sealed)
        for line, sealed in zip(lines, files.sealed(batch, 1, lines), strict=True)
    )
    with django_assert_num_queries(5):
        assert len(hana.get(links["rows"]).json()["results"]) == 42
    begun(hana, person(3))
    with django_assert_num_queries(4):  # the login, its roles, the imports, their jobs
        hana.get(URL)
    for number in range(4, 10):
        begun(hana, person(number))
    with django_assert_num_queries(4):
        assert len(hana.get(URL).json()["results"]) == 8


def test_only_hr_and_admin_import(cast: Cast, hana: APIClient) -> None:
    links = begun(hana, person(1))
    del links["live"]  # a socket's: tests/live
    for user, status in ((None, 401), (cast.cleo, 403), (cast.rhea, 403)):
        other = caller(user)
        for address in (URL, *links.values(), f"{URL}template.csv"):
            assert other.get(address).status_code == status
        for address in (URL, f"{links['self']}retry/", f"{links['self']}cancel/"):
            assert other.post(address).status_code == status
    assert caller(cast.ada).get(links["self"]).status_code == 200


def test_an_import_that_never_was_is_404(hana: APIClient) -> None:
    link = f"{URL}{unknown_id()}/"
    for answer in (
        hana.get(link), hana.get(f"{link}rows/"), hana.get(f"{link}errors.csv"), hana.post(f"{link}retry/"),
        hana.post(f"{link}cancel/"), hana.get(f"{URL}not-an-id/"),
    ):  # fmt: skip
        assert (answer.status_code, codes(answer)) == (404, ["not_found"])


def test_who_did_what_is_audited(hana: APIClient, work: Work) -> None:
    links = begun(hana, person(1), dry_run=True)
    work()
    hana.post(f"{links['self']}retry/", {"dry_run": False}, format="json")
    hana.post(f"{links['self']}cancel/")
    done = AuditEvent.objects.filter(subject_kind="import").order_by("sequence")
    assert [(event.action, event.details) for event in done] == [
        (Action.IMPORT_REQUESTED, {"dry_run": True}),
        (Action.IMPORT_RETRIED, {"dry_run": False}),
        (Action.IMPORT_CANCELLED, {"dry_run": False}),
    ]
