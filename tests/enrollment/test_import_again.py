"""An import that is carried on: with a corrected table, another ZIP, or as it is."""

import csv
from typing import Any

import pytest

from enrollment.models import Import, Person
from enrollment.services import people
from enrollment.services.imports import lifecycle, reports
from heirloom.errors import Refusal
from heirloom.portal.erasure import erase_person
from tests.cast import Cast
from tests.enrollment.test_import_people import cast, handed_in, photos, pictured, run, verdicts
from tests.sheets import person, table, zipped

__all__ = ["cast", "photos"]
pytestmark = pytest.mark.django_db


def test_the_refused_lines_come_back_as_a_table_that_can_be_corrected(cast: Cast, photos: dict[str, bytes]) -> None:
    first = run(
        handed_in(cast, pictured(1, "a1.jpg"), {**pictured(2, "h1.jpg"), "email": "=2+2"}, person(3), files=photos)
    )
    report = b"".join(reports.refused_lines(first)).decode("utf-8-sig")
    heading, line = csv.reader(report.splitlines())
    assert heading == list(reports.COLUMNS)
    assert line[:5] == ["E-2", "Person 2", "", "", "'=2+2"]
    assert line[-2:] == ["email: Enter a valid email address.", "Mend the named field."]
    corrected = report.replace("'=2+2", "two@example.org").encode()
    again = run(lifecycle.retry(batch=first, actor=cast.hana, table=[corrected]))
    assert (again.total, again.accepted, again.refused) == (3, 3, 0)
    assert [(row.table, row.line) for row in again.rows.all()] == [(1, 2), (1, 4), (2, 2)]
    assert Person.objects.get(employee_id="E-2").templates.count() == 1


def test_a_corrected_table_may_repeat_whom_the_import_brought_in(cast: Cast, photos: dict[str, bytes]) -> None:
    rows = [pictured(1, "a1.jpg"), {**pictured(2, "h1.jpg"), "email": "two"}]
    first = run(handed_in(cast, *rows, files=photos))
    again = lifecycle.retry(batch=first, actor=cast.hana, table=[table(rows[0], {**rows[1], "email": "b@example.org"})])
    assert verdicts(run(again)) == [("accepted", []), ("unchanged", []), ("accepted", [])]


def test_a_zip_that_lacked_photos_is_made_good(cast: Cast, photos: dict[str, bytes]) -> None:
    first = run(handed_in(cast, pictured(1, "a1.jpg"), pictured(2, "h1.jpg"), files={"a1.jpg": photos["a1.jpg"]}))
    assert verdicts(first) == [("accepted", []), ("refused", ["photo_missing"])]
    with pytest.raises(Refusal, match="nothing_to_retry"):
        lifecycle.retry(batch=first, actor=cast.hana)
    lifecycle.retry(batch=first, actor=cast.hana, photos=[zipped({"h1.jpg": photos["h1.jpg"]})])
    assert verdicts(run(first)) == [("accepted", []), ("accepted", [])]


def test_what_failed_for_a_passing_reason_is_all_that_is_tried_again(cast: Cast) -> None:
    batch = run(handed_in(cast, person(1), person(2, email="two"), person(3)))
    batch.rows.filter(line=2).update(verdict="refused", codes=["interrupted"], person=None)
    Person.objects.filter(employee_id="E-1").delete()
    kept = b"".join(reports.refused_lines(batch))
    assert b"interrupted" in kept
    with pytest.raises(Refusal, match="nothing_to_retry"):  # what is not kept cannot be tried
        lifecycle.retry(batch=batch, actor=cast.hana)


def test_while_it_is_worked_on_nothing_else_begins(cast: Cast) -> None:
    batch = handed_in(cast, person(1))
    with pytest.raises(Refusal, match="import_under_way"):
        lifecycle.retry(batch=batch, actor=cast.hana)


def test_who_came_in_otherwise_and_is_erased_is_in_no_line_of_a_dry_run(
    cast: Cast, photos: dict[str, bytes], django_capture_on_commit_callbacks: Any
) -> None:
    batch = run(handed_in(cast, pictured(1, "a1.jpg"), person(2), files=photos, dry_run=True))
    assert all(row.cells_sealed is not None and row.person is None for row in batch.rows.all())
    known = people.create_person(full_name="Person 1", employee_id="E-1", actor=None)
    with django_capture_on_commit_callbacks(execute=True):
        erase_person(person=known, actor=None)
    first, second = Import.objects.get().rows.order_by("line")
    assert (first.cells_sealed, second.cells_sealed is None) == (None, False)
    assert Import.objects.get().archive_name == ""
