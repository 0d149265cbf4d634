"""What somebody finds who has the disk and the key ring: every file of the database and of our own folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from enrollment.models import Person, PersonTemplate
from heirloom.crypto.models import DataKey

_PIECE = 64 * 1024 * 1024


def marks_of(person: Person) -> dict[str, bytes]:
    """Return the bytes by which what is held on a person is known on a disk, by what they are.

    pgvector writes the numbers of a halfvec in half precision, the lower byte first.
    """
    template = PersonTemplate.objects.get(person=person)
    return {
        "name": person.full_name.encode(),
        "name in capitals": person.full_name.upper().encode(),
        "mail": person.email.encode(),
        "number": str(person.employee_id).encode(),
        "metadata": next(iter(person.metadata.values())).encode(),
        "search vector": np.asarray(template.vector, dtype="<f2").tobytes(),
        "sealed template": bytes(template.vector_sealed),
        "wrapped key": bytes(DataKey.objects.get(subject=person.pk).wrapped or b""),
    }


def found(marks: Mapping[str, bytes], *folders: Path) -> dict[str, set[str]]:
    """Return which of these bytes stand in files below these folders, and in which."""
    hits: dict[str, set[str]] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            for piece in _pieces(path, max(map(len, marks.values()))):
                for name in (name for name, mark in marks.items() if mark in piece):
                    hits.setdefault(name, set()).add(str(path.relative_to(folder)))
    return hits


def _pieces(path: Path, overlap: int) -> Iterator[bytes]:
    """Give a file in pieces, the end of each before the next; one that goes meanwhile has none."""
    try:
        with path.open("rb") as file:
            before = b""
            while piece := file.read(_PIECE):
                yield before + piece
                before = piece[-overlap:]
    except (FileNotFoundError, IsADirectoryError, OSError):
        return
