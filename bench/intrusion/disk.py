"""What somebody finds who has the disk: every file of the database and of our own folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path

_PIECE = 64 * 1024 * 1024


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
    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            before = b""
            while piece := file.read(_PIECE):
                yield before + piece
                before = piece[-overlap:]
    except OSError:
        return
