"""What an import holds of what was sent: its files and the cells of its lines, sealed under its own key."""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from enrollment.models import Import, ImportRow, Person
from enrollment.services.captures import at_most
from enrollment.services.imports import archives, tables
from enrollment.services.imports.archives import Archive
from enrollment.services.imports.tables import Fault, Line
from heirloom.crypto import files
from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place
from heirloom.errors import Refusal

ROWS_AT_ONCE = 1000
Chunks = Iterable[bytes]


@contextmanager
def stored(import_id: uuid.UUID, *, table: Chunks | None, photos: Chunks | None) -> Iterator[tuple[str, str]]:
    """Store what was sent and give the names, "" for what was not; if the block fails, no file stays behind.

    Raises Refusal "empty_file", "table_unreadable", "table_columns", "archive_invalid" or "too_many_bytes".
    """
    names = {"table": "", "photos": ""}
    try:
        if table is not None:
            names["table"] = _write(import_id, "table", _looked_at(table), tables.MOST_TABLE_BYTES)
        if photos is not None:
            names["photos"] = _write(import_id, "photos", _begins_as_zip(photos), settings.UPLOAD_MAX_CLIP_BYTES)
        yield names["table"], names["photos"]
    except BaseException:
        for name in filter(None, names.values()):
            files.delete(name)
        raise


def read_table(batch: Import) -> list[Line]:
    """Return the lines of the table; raises as tables.read does."""
    with files.open_unlinked(subject=batch.id, name=batch.table_name, place=_place(batch.id, "table")) as file:
        return tables.read(file)


@contextmanager
def opened_archive(batch: Import) -> Iterator[Archive | None]:
    """Give the ZIP, None where none was sent. Raises as Archive does."""
    if not batch.archive_name:
        yield None
        return
    with files.open_unlinked(subject=batch.id, name=batch.archive_name, place=_place(batch.id, "photos")) as file:
        yield Archive(file, most_photo_bytes=settings.UPLOAD_MAX_PHOTO_BYTES)


def sealed(batch: Import, table: int, lines: Sequence[Line]) -> Iterator[bytes]:
    """Give the cells of a table's lines as they are kept."""
    texts = ((_cells_place(batch.id, table, line.number), json.dumps(dict(line.cells)).encode()) for line in lines)
    return crypto.seal_all(subject=batch.id, plaintexts=texts)


def cells_of(batch: Import, rows: Sequence[ImportRow]) -> list[Mapping[str, str]]:
    """Return the cells of each row, {} where they are no longer kept. The key is looked up once."""
    kept = [(cells_place(row), bytes(row.cells_sealed)) for row in rows if row.cells_sealed is not None]
    if not kept:
        return [{} for _ in rows]
    opened = crypto.unseal_all(subject=batch.id, sealed=kept)
    return [json.loads(next(opened)) if row.cells_sealed is not None else {} for row in rows]


def cells_place(row: ImportRow) -> Place:
    return _cells_place(row.batch_id, row.table, row.line)


def _cells_place(import_id: uuid.UUID, table: int, line: int) -> Place:
    return Place("enrollment_importrow.cells", (str(import_id), str(table), str(line)), b"import row")


def forget_table(batch: Import) -> None:
    """Let go of the table in the caller's transaction; the row is saved with it."""
    batch.table_name = _forgotten(batch.table_name)


def forget_archive(batch: Import) -> None:
    """Let go of the ZIP, likewise."""
    batch.archive_name = _forgotten(batch.archive_name)


@transaction.atomic
def forget_all(batch: Import) -> None:
    """Let go of both files, of the cells of every row, and of the key; verdicts and counts stay. Likewise."""
    forget_table(batch)
    forget_archive(batch)
    batch.rows.exclude(cells_sealed=None).update(cells_sealed=None)
    crypto.destroy(subject=batch.id)


def hold_what_is_kept() -> None:
    """Lock the imports that keep anything sent, before a person is: an import's work locks them in that order too."""
    keeping = Exists(ImportRow.objects.filter(batch=OuterRef("pk")).exclude(cells_sealed=None))
    list(Import.objects.filter(keeping | ~Q(archive_name="")).order_by("pk").select_for_update())


def forget_lines_about(person: Person) -> None:
    """Let go of the cells of lines that speak of a person, and of the ZIPs that may show them; in the transaction that
    erases them, after `hold_what_is_kept`.

    Lines of a dry run and refused ones belong to nobody; they speak of a person if they hold the same number. Those
    still to be carried out are refused.
    """
    about = Q(person=person) | Q(pk__in=list(_lines_naming(person.employee_id)) if person.employee_id else [])
    rows = ImportRow.objects.filter(about)
    for batch in Import.objects.filter(pk__in=rows.values("batch")).exclude(archive_name="").select_for_update():
        forget_archive(batch)
        batch.save(update_fields=["archive_name"])
    pending = list(rows.pending().values_list("pk", "batch_id"))
    ImportRow.objects.filter(pk__in=[row for row, _ in pending]).update(
        verdict=ImportRow.Verdict.REFUSED, codes=["person_erased"], faults=[Fault("person_erased").as_json()]
    )
    for _, batch_id in pending:
        Import.objects.filter(pk=batch_id).update(refused=F("refused") + 1)
    rows.update(cells_sealed=None)


def _lines_naming(employee_id: str) -> Iterator[int]:
    """Give the rows of nobody whose kept cells hold this number."""
    kept = ImportRow.objects.filter(person=None).exclude(cells_sealed=None)
    for batch in Import.objects.filter(Exists(kept.filter(batch=OuterRef("pk")))):
        last = 0
        while rows := list(kept.filter(batch=batch, pk__gt=last).order_by("pk")[:ROWS_AT_ONCE]):
            last = rows[-1].pk
            for row, cells in zip(rows, cells_of(batch, rows), strict=True):
                if cells.get("employee_id", "").strip() == employee_id:
                    yield row.pk


def held_files(names: Collection[str]) -> set[str]:
    """Return which of these files an import names."""
    tables = Import.objects.filter(table_name__in=names).values_list("table_name", flat=True)
    return {*tables, *Import.objects.filter(archive_name__in=names).values_list("archive_name", flat=True)}


def _forgotten(name: str) -> str:
    if name:
        files.forget([name])
    return ""


def _write(import_id: uuid.UUID, what: str, chunks: Chunks, most: int) -> str:
    name = f"{_place(import_id, what)}-{uuid.uuid4()}"
    return files.write(subject=import_id, name=name, chunks=at_most(most, chunks)).name


def _place(import_id: uuid.UUID, what: str) -> str:
    return f"imports/{import_id}/{what}"


def _looked_at(table: Chunks) -> Iterator[bytes]:
    """Refuse at the door a table whose heading nobody could use."""
    head, whole = _with_first(table, "table")
    tables.heading_of(head)
    return whole


def _begins_as_zip(photos: Chunks) -> Iterator[bytes]:
    head, whole = _with_first(photos, "photos")
    if not head.startswith(archives.MAGIC):
        raise Refusal("archive_invalid", attr="photos")
    return whole


def _with_first(chunks: Chunks, attr: str) -> tuple[bytes, Iterator[bytes]]:
    rest = iter(chunks)
    first = next(rest, b"")
    if not first:
        raise Refusal("empty_file", attr=attr)
    return first, chain([first], rest)
