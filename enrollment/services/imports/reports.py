"""The refused lines of an import as a table again, to be corrected and sent back."""

from collections.abc import Iterator, Mapping

from enrollment.models import Import, ImportRow
from enrollment.services.imports import files, tables
from heirloom.errors import CODES

ROWS_AT_ONCE = 1000
COLUMNS = (*tables.COLUMNS, *tables.REPORTED)


def refused_lines(batch: Import) -> Iterator[bytes]:
    """Give a CSV of every refused line: its cells as they came, and what is wrong with it; in constant memory."""
    return tables.written(COLUMNS, _rows(batch))


def _rows(batch: Import) -> Iterator[Mapping[str, str]]:
    last = 0
    while rows := list(batch.rows.refused().filter(pk__gt=last)[:ROWS_AT_ONCE]):
        for row, cells in zip(rows, files.cells_of(batch, rows), strict=True):
            yield {**cells, **_told(row)}
        last = rows[-1].pk


def _told(row: ImportRow) -> dict[str, str]:
    details = (f"{fault['attr']}: {fault['detail']}" if fault["attr"] else fault["detail"] for fault in row.faults)
    return {
        "line": str(row.line),
        "code": " ".join(row.codes),
        "detail": " ".join(details),
        "remedy": " ".join(CODES[code].remedy for code in row.codes),
    }
