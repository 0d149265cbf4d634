"""The table of an import: CSV in, lines out. Pure reading, no rows of the database."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import IO, Any

from enrollment.services.imports.cells import shielded, unshielded
from heirloom.errors import CODES, Refusal

COLUMNS = (
    "employee_id",
    "full_name",
    "department",
    "position",
    "email",
    "consent_policy_version",
    "consent_given_at",
    "consent_method",
    "photos",
    "metadata",
)
REQUIRED = ("employee_id", "full_name")
REPORTED = ("line", "code", "detail", "remedy")
"""What the table of refused lines adds to each; it may come back corrected, so these are read over."""
DELIMITERS = (",", ";", "\t")
MOST_LINES = 100_000
MOST_TABLE_BYTES = 64 * 1024 * 1024
MOST_HEADING_BYTES = 64 * 1024
# Of one line with all the line breaks within its cells. A reader builds a cell for each separator.
MOST_LINE_BYTES, MOST_CELLS = 1024 * 1024, 10_000
AT_READING = ("line_malformed", "employee_id_repeated")
"""Codes of what only the whole table shows; trying the line again changes nothing."""
_BOM = "\ufeff"

EXAMPLE = (
    {
        "employee_id": "E-1001",
        "full_name": "Grace Hopper",
        "department": "Research",
        "position": "Rear Admiral",
        "email": "grace@example.org",
        "consent_policy_version": "2026-1",
        "consent_given_at": "2026-01-05",
        "consent_method": "written",
        "photos": "grace-1.jpg;grace-2.jpg;grace-3.jpg",
        "metadata": '{"badge": 7}',
    },
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, or with an import as a whole. attr: the column, or the part of the request."""

    code: str
    detail: str = ""
    attr: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "detail": self.detail or CODES[self.code].text, "attr": self.attr}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: where it begins, its cells by column, and what is wrong with its shape."""

    number: int
    cells: Mapping[str, str]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    columns: tuple[str, ...]
    delimiter: str


def heading_of(head: bytes) -> Heading:
    """Return the columns that a table names in its first line, which is looked for in its first bytes.

    Raises Refusal "table_unreadable" or "table_columns", which names the columns at fault.
    """
    line, ended, _ = head[:MOST_HEADING_BYTES].partition(b"\n")
    if not ended and len(head) > MOST_HEADING_BYTES:
        raise Refusal("table_unreadable", "The first line is too long for a heading.", attr="table")
    text = _decoded(line, 1).removeprefix(_BOM)
    found = [Heading(names, delimiter) for delimiter in DELIMITERS if (names := _named(text, delimiter)) is not None]
    if not found:
        raise Refusal("table_unreadable", "The heading is not well-formed CSV.", attr="table")
    heading = max(found, key=lambda one: len(set(one.columns) & set(COLUMNS)))
    _refuse_columns(heading.columns)
    return heading


def read(file: IO[bytes]) -> list[Line]:
    """Return every line of a table that is not empty, in order; those whose number stands twice say so.

    Raises Refusal "table_unreadable", "table_columns" or "table_too_long".
    """
    heading = heading_of(file.readline(MOST_HEADING_BYTES + 1))
    lines: list[Line] = []
    for line in _lines(file, heading):
        if len(lines) == MOST_LINES:
            raise Refusal("table_too_long", attr="table")
        lines.append(line)
    if not lines:
        raise Refusal("table_unreadable", "There is no line below the heading.", attr="table")
    numbers = Counter(line.cells["employee_id"].strip() for line in lines)
    return [_told_apart(line, numbers[line.cells["employee_id"].strip()]) for line in lines]


def written(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[bytes]:
    """Write a table that spreadsheets read as text, never as formulas; `read` takes it back as it was."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    yield _BOM.encode()
    for cells in chain([{name: name for name in columns}], rows):
        writer.writerow([shielded(cells.get(name, "")) for name in columns])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def template() -> bytes:
    """Return a table to begin with: every column, and one line as an example."""
    return b"".join(written(COLUMNS, EXAMPLE))


def _lines(file: IO[bytes], heading: Heading) -> Iterator[Line]:
    texts = _Texts(file, heading.delimiter)
    reader = csv.reader(texts, delimiter=heading.delimiter, strict=True)
    while True:
        texts.begin_line()
        # The heading was read already, and a cell may hold line breaks.
        begins_at = reader.line_num + 2
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _malformed(begins_at) from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield _line(begins_at, row, heading.columns)


def _line(number: int, row: Sequence[str], columns: Sequence[str]) -> Line:
    padded = chain(row, [""] * len(columns))
    cells = {name: unshielded(cell) for name, cell in zip(columns, padded, strict=False) if name not in REPORTED}
    if len(row) == len(columns):
        return Line(number, cells)
    detail = f"This line has {len(row)} cells; the heading has {len(columns)}."
    return Line(number, cells, Fault("line_malformed", detail))


def _told_apart(line: Line, times: int) -> Line:
    if times == 1 or line.fault or not line.cells["employee_id"].strip():
        return line
    return replace(line, fault=Fault("employee_id_repeated", attr="employee_id"))


class _Texts:
    """What a table says below its heading, line break by line break; bounded in what one of its lines is made of."""

    def __init__(self, file: IO[bytes], delimiter: str) -> None:
        self._file, self._delimiter, self._number = file, delimiter.encode(), 1
        self.begin_line()

    def begin_line(self) -> None:
        self._bytes_left, self._cells_left, self._begins_at = MOST_LINE_BYTES, MOST_CELLS, self._number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._bytes_left + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self._bytes_left -= len(line)
        self._cells_left -= line.count(self._delimiter)
        if self._bytes_left < 0 or self._cells_left < 0:
            raise _malformed(self._begins_at)
        return _decoded(line, self._number)


def _malformed(number: int) -> Refusal:
    words = f"Line {number}: a quotation mark is not closed or stands in the way, or a cell or the line is too long."
    return Refusal("table_unreadable", words, attr="table")


def _decoded(line: bytes, number: int) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Refusal("table_unreadable", f"Line {number} is not in UTF-8.", attr="table") from error
    if "\0" in text:
        raise Refusal("table_unreadable", f"Line {number} holds a NUL character.", attr="table")
    return text


def _named(text: str, delimiter: str) -> tuple[str, ...] | None:
    """Return the columns of a heading with this separator; None where it is malformed with it."""
    try:
        names = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None
    return tuple("_".join(name.strip().lower().split()) for name in names)


def _refuse_columns(columns: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in COLUMNS and name not in REPORTED]
    twice = [name for name, times in Counter(columns).items() if times > 1]
    for words, names in (("It lacks", missing), ("Nobody knows", unknown), ("It names twice", twice)):
        if names:
            told = ", ".join(repr(name[:40]) for name in names[:10])
            raise Refusal("table_columns", f"{words}: {told}.", attr="table")
