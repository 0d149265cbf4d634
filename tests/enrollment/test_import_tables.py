"""The table of an import: what is read, and what each thing wrong with it is called."""

import io
import random
import re
import resource

import pytest

from enrollment.services.imports import tables
from enrollment.services.imports.cells import shielded, unshielded
from enrollment.services.imports.entries import FaultyError, entry_of
from enrollment.services.imports.tables import COLUMNS, Line
from heirloom.errors import Refusal
from tests.sheets import CONSENT, person, table

# Where a spreadsheet may begin a cell: the beginning, and behind a separator, a quotation mark or a break of any kind.
BEFORE_A_CELL = ["", *(f"Ada{mark}" for mark in '",;|\t\r\n\v\f\u2028\u2029\x85\u201c'), "Ada\r\n\n", 'Ada";']
CARRIED_OUT = re.compile(
    '(?:^|[",;|\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029\u201c])[\\s\u200b]*[-=+@\uff1d\uff0b\uff0d\uff20]'
)


def read(data: bytes) -> list[Line]:
    return tables.read(io.BytesIO(data))


def refused(data: bytes) -> Refusal:
    with pytest.raises(Refusal) as told:
        read(data)
    return told.value


def faults(**cells: str) -> list[tuple[str, str | None]]:
    with pytest.raises(FaultyError) as told:
        entry_of({**person(1), **cells})
    return [(fault.code, fault.attr) for fault in told.value.faults]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", [True, False])
def test_any_common_kind_of_csv_is_read(delimiter: str, bom: bool) -> None:
    rows = [person(1, department="Résearch, and more; still\tone"), person(2, department="")]
    lines = read(table(*rows, delimiter=delimiter, bom=bom))
    assert [dict(line.cells) for line in lines] == rows
    assert [line.number for line in lines] == [2, 3]


def test_headings_may_be_written_as_people_write_them() -> None:
    assert read(b"Employee ID, Full Name \r\nE-1,Ada\r\n")[0].cells == {"employee_id": "E-1", "full_name": "Ada"}


def test_lines_are_numbered_as_an_editor_shows_them() -> None:
    lines = read(b'employee_id,full_name\nE-1,"Ada\nByron"\n\n,\nE-2,Bob\n')
    assert [line.number for line in lines] == [2, 6]


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        (b"full_name", "It lacks: 'employee_id'."),
        (b"employee_id,full_name,salary", "Nobody knows: 'salary'."),
        (b"employee_id,full_name,email,email", "It names twice: 'email'."),
        (b"", "It lacks: 'employee_id', 'full_name'."),
    ],
)
def test_columns_that_are_missing_unknown_or_twice_are_named(heading: bytes, said: str) -> None:
    told = refused(heading + b"\nE-1,Ada\n")
    assert (told.code, told.detail) == ("table_columns", said)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"employee_id,full_name\nE-1,Ada\nE-2,Andr\xe9\n", "Line 3 is not in UTF-8."),
        (b"employee_id,full_name\nE-1,Ad\0a\n", "Line 2 holds a NUL character."),
        (table(person(1)).decode().encode("utf-16"), "Line 1 is not in UTF-8."),
        (b'employee_id,full_name\nE-1,"Ada\nE-2,Bob\n', "Line 2: a quotation mark"),
        (b"employee_id,full_name\nE-1," + b"x" * 10_000_000 + b"\n", "Line 2: a quotation mark"),
        (b"employee_id,full_name\n", "There is no line below the heading."),
        (b"x" * 200_000, "The first line is too long"),
    ],
)
def test_what_is_no_table_says_where(data: bytes, said: str) -> None:
    told = refused(data)
    assert told.code == "table_unreadable"
    assert told.detail.startswith(said)


def test_a_hundred_thousand_lines_are_taken_and_no_more() -> None:
    heading = b"employee_id,full_name\n"
    lines = [f"{number},N\n".encode() for number in range(tables.MOST_LINES + 1)]
    assert len(read(heading + b"".join(lines[:-1]))) == tables.MOST_LINES
    assert refused(heading + b"".join(lines)).code == "table_too_long"


def test_a_line_of_another_length_is_refused_alone() -> None:
    lines = read(b"employee_id,full_name,email\nE-1,Ada\nE-2,Bob,b@example.org\nE-3,Cy,c@example.org,x\n")
    assert [line.fault.code if line.fault else "" for line in lines] == ["line_malformed", "", "line_malformed"]


def test_a_number_that_stands_twice_is_refused_both_times() -> None:
    lines = read(table(person(1), person(2), {**person(1), "full_name": "Another"}))
    assert [line.fault.code if line.fault else "" for line in lines] == [
        "employee_id_repeated",
        "",
        "employee_id_repeated",
    ]


def test_a_whole_line_says_who_it_is() -> None:
    cells = person(1, **CONSENT, email="a@example.org", photos="a.jpg; b.jpg ;", metadata='{"badge": 7}')
    entry = entry_of(cells)
    assert entry.details["metadata"] == {"badge": 7}
    assert entry.photos == ("a.jpg", "b.jpg")
    assert entry.consent is not None
    assert entry.consent.given_at.hour == 12


def test_everything_wrong_with_a_line_is_told_at_once() -> None:
    told = faults(full_name=" ", email="nobody", metadata="[1]", consent_method="written", photos="a;" * 12)
    assert {attr for _, attr in told} == {
        "full_name",
        "email",
        "metadata",
        "consent_policy_version",
        "consent_given_at",
        "photos",
    }


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("employee_id", "x" * 65),
        ("full_name", "x" * 201),
        ("email", "a@b"),
        ("metadata", "{"),
        ("metadata", "[" * 100_000),
        ("metadata", '{"a": NaN}'),
        ("metadata", '{"a": "\\u0000"}'),
        ("metadata", '{"a": "\\ud800"}'),
        ("photos", "x" * 256),
        ("photos", "a.jpg;a.jpg"),
    ],
)
def test_a_cell_that_cannot_be_is_named(column: str, cell: str) -> None:
    assert ("validation_error", column) in faults(**{column: cell})


@pytest.mark.parametrize("told", ["2999-01-01", "05.01.2026", "2026-13-01", "yesterday"])
def test_a_time_of_consent_is_a_day_that_was(told: str) -> None:
    assert faults(**{**CONSENT, "consent_given_at": told}) == [("validation_error", "consent_given_at")]


def test_photos_without_consent_are_refused() -> None:
    assert faults(photos="a.jpg") == [("consent_required", "consent_policy_version")]


def test_what_a_spreadsheet_would_carry_out_is_written_as_text_and_comes_back_whole() -> None:
    evil = ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "'quoted", "plain"]
    rows = [{"employee_id": cell, "full_name": "x"} for cell in evil]
    written = b"".join(tables.written(("employee_id", "full_name"), rows))
    cells = [line.split(",")[0].strip('"') for line in written.decode("utf-8-sig").splitlines()[1:]]
    assert cells == ["'=HYPERLINK(1)", "'+1", "'-1", "'@SUM(1)", "'\t'=1", "'quoted", "plain"]
    assert [line.cells["employee_id"] for line in read(written)] == evil


@pytest.mark.parametrize("formula", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
@pytest.mark.parametrize("before", BEFORE_A_CELL)
def test_a_part_that_a_spreadsheet_takes_for_a_cell_is_shielded_and_comes_back(before: str, formula: str) -> None:
    for cell in (f"{before}{formula}cmd()", f"{before}'{formula}cmd()", f"{before} \u3000\u200b{formula}cmd()"):
        written = b"".join(tables.written(("employee_id", "full_name"), [{"employee_id": "E-1", "full_name": cell}]))
        assert not CARRIED_OUT.search(written.decode("utf-8-sig"))
        assert read(written)[0].cells["full_name"] == cell


@pytest.mark.parametrize("before", ["\t", "\r", "\n"])
def test_a_cell_that_begins_with_a_break_is_shielded_and_comes_back(before: str) -> None:
    assert shielded(f"{before}a") == f"'{before}a"
    assert unshielded(shielded(f"{before}a")) == f"{before}a"


@pytest.mark.parametrize("cell", ["plain", "a-b", "1+1", "a - b", "d'Arc", "'t Hooft", "x@example.org", "a, b; c", ""])
def test_other_text_is_written_as_it_is(cell: str) -> None:
    assert shielded(cell) == unshielded(cell) == cell


def test_any_text_comes_back_as_it_was() -> None:
    letters, chance = "=+-@'\t\r\n ;,|\"a\uff1d\u2028", random.Random(7)
    for _ in range(20_000):
        cell = "".join(chance.choices(letters, k=chance.randrange(8)))
        assert unshielded(shielded(cell)) == cell
        assert not CARRIED_OUT.search(f'"{shielded(cell)}')


@pytest.mark.parametrize(
    "line",
    [b"," * 60_000_000, b'a,"' + b"x\n" * 1_000_000 + b'"', b'a,"\n",' * 20_000, b"," * 10_002],
    ids=["separators", "a cell of lines", "cells of lines", "cells"],
)
def test_a_line_is_made_of_no_more_than_any_line_may(line: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refusal, match="table_unreadable"):
        read(b"employee_id,full_name\nE-1,Ada\n" + line + b"\nE-2,Grace\n")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024  # kilobytes; cells take a gigabyte


def test_the_template_is_a_table_that_is_taken() -> None:
    (line,) = read(tables.template())
    assert tuple(line.cells) == COLUMNS
    assert entry_of(line.cells).photos == ("grace-1.jpg", "grace-2.jpg", "grace-3.jpg")
