"""Tables and ZIPs as HR hands them in."""

import csv
import io
import zipfile
from collections.abc import Mapping
from typing import Any

CONSENT = {"consent_policy_version": "2026-1", "consent_given_at": "2026-01-05", "consent_method": "written"}


def table(*rows: Mapping[str, str], delimiter: str = ",", bom: bool = False) -> bytes:
    """Return a CSV with the columns that any of the rows names."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig" if bom else "utf-8")


def zipped(files: Mapping[str, bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def person(number: int, **other: str) -> dict[str, str]:
    return {"employee_id": f"E-{number}", "full_name": f"Person {number}", **other}


def named(data: bytes, name: str) -> Any:
    """Return bytes as the file of a form."""
    file = io.BytesIO(data)
    file.name = name
    return file
