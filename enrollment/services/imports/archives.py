"""The ZIP of an import: photos by name, read one at a time within limits. Nothing is ever unpacked to a path."""

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

from heirloom.errors import Refusal

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
MOST_ENTRIES = 100_000
# Characters of a path in it; a table names 255 at most. Putting accents in order takes time by the square of them.
LONGEST_PATH = 512
# The list of entries is read as a whole: 46 bytes and a name for each.
MOST_LIST_BYTES = 32 * 1024 * 1024
MOST_UNPACKED_BYTES = 64 * 1024**3
# Photos are compressed already; plain bitmaps of one color reach some hundred to one.
MOST_RATIO, RATIO_FROM_BYTES = 200, 1024 * 1024
PIECE_BYTES = 64 * 1024
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENTRY = b"PK\x01\x02"
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_BYTES, _END64_BYTES, _LOCATOR64_BYTES = 22, 56, 20
_LONGEST_COMMENT = 0xFFFF
_ENCRYPTED, _UTF8 = 0x1, 0x800
_DRIVE = re.compile(r"[a-zA-Z]:")
# What zipfile raises over entries that are not what they say.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip


class Archive:
    """A ZIP whose entries are found by the names that people write: whatever the case, accents or folder.

    Raises Refusal "archive_invalid" or "archive_too_large".
    """

    def __init__(self, file: IO[bytes], *, most_photo_bytes: int) -> None:
        self._most_photo_bytes = most_photo_bytes
        _refuse_long_list(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except (*_DAMAGE, OSError) as error:
            raise Refusal("archive_invalid", attr="photos") from error
        entries = [info for info in self._zip.infolist() if not _is_chaff(info.filename)]
        if any(len(info.filename) > LONGEST_PATH for info in entries):
            raise Refusal("archive_invalid", f"A name in the ZIP has over {LONGEST_PATH} characters.", attr="photos")
        if sum(info.file_size for info in entries) > MOST_UNPACKED_BYTES:
            raise Refusal("archive_too_large", attr="photos")
        self._exact, self._folded, self._base = (defaultdict[str, list[zipfile.ZipInfo]](list) for _ in range(3))
        for info in entries:
            self._note(info)

    def read(self, name: str) -> bytes:
        """Return the photo that a table names: by its path, or by its file name alone where only one is called so.

        Raises Refusal "photo_missing", "photo_ambiguous", "archive_entry_unusable" or "too_many_bytes".
        """
        return self._bytes(self._found(name))

    def _note(self, info: zipfile.ZipInfo) -> None:
        for name in _spellings(info):
            path = _path(name)
            if path is None:
                continue
            for found in (
                self._exact[name],
                self._folded[_folded(path)],
                self._base[_folded(PurePosixPath(path).name)],
            ):
                if info not in found[-1:]:
                    found.append(info)

    def _found(self, name: str) -> zipfile.ZipInfo:
        path = _path(name)
        key = "" if path is None else _folded(path)
        for found in (self._exact.get(name), self._folded.get(key), self._base.get(key)):
            if found and len(found) > 1:
                raise Refusal("photo_ambiguous", attr="photos")
            if found:
                return found[0]
        raise Refusal("photo_missing", attr="photos")

    def _bytes(self, info: zipfile.ZipInfo) -> bytes:
        _refuse_entry(info)
        if info.file_size > self._most_photo_bytes:
            raise _too_large(self._most_photo_bytes)
        if info.file_size > max(RATIO_FROM_BYTES, MOST_RATIO * info.compress_size):
            raise _unusable("It unpacks to far more than it is.")
        data = bytearray()
        try:
            with self._zip.open(info) as entry:
                while piece := entry.read(PIECE_BYTES):
                    data += piece
                    if len(data) > self._most_photo_bytes:
                        raise _too_large(self._most_photo_bytes)
        except _DAMAGE as error:
            raise _unusable("It is damaged.") from error
        return bytes(data)


def _refuse_entry(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise _unusable("It is locked by a password.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _unusable("It is a link to another file.")
    if info.compress_type not in _METHODS:
        raise _unusable("It is compressed in a way that is not taken; take the usual one (deflate).")


def _unusable(detail: str) -> Refusal:
    return Refusal("archive_entry_unusable", detail, attr="photos")


def _too_large(most: int) -> Refusal:
    return Refusal("too_many_bytes", f"The photo is larger than {most // (1024 * 1024)} MB.", attr="photos")


def _spellings(info: zipfile.ZipInfo) -> Iterator[str]:
    """Give an entry's name, and as it was meant where the program that made the ZIP did not say that it is UTF-8."""
    yield info.filename
    if not info.flag_bits & _UTF8 and not info.filename.isascii():
        try:
            meant = info.filename.encode("cp437").decode()
        except UnicodeError:
            return
        yield meant


def _path(name: str) -> str | None:
    """Return a name as a path below the top of the ZIP; None for one that leads elsewhere."""
    path = name.replace("\\", "/").removeprefix("./")
    if not path or path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/"):
        return None
    return path


def _folded(path: str) -> str:
    """Return what spellings of one name share: composed or not (macOS decomposes), capital or not."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _is_chaff(name: str) -> bool:
    """Whether this is what systems add by themselves."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    last = parts[-1] if parts else ""
    return (
        name.endswith("/")
        or "__MACOSX" in parts
        or last.startswith("._")
        or last in {".DS_Store", "Thumbs.db", "desktop.ini"}
    )


def _refuse_long_list(file: IO[bytes]) -> None:
    """Look at the list of entries before it is taken apart: it may be longer than memory.

    The end of a ZIP tells where its list is and how long (APPNOTE.TXT 4.3.12 to 4.3.16). What it says of the number of
    entries may be a lie, so their signatures are counted, of which there are at least as many.
    """
    size = file.seek(0, 2)
    tail_at = max(0, size - _END_BYTES - _LONGEST_COMMENT - _LOCATOR64_BYTES - _END64_BYTES)
    file.seek(tail_at)
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or end + _END_BYTES > len(tail):
        raise Refusal("archive_invalid", attr="photos")
    list_bytes, list_end = struct.unpack_from("<L", tail, end + 12)[0], tail_at + end
    end64 = end - _LOCATOR64_BYTES - _END64_BYTES
    if end >= _LOCATOR64_BYTES and tail.startswith(_LOCATOR64, end - _LOCATOR64_BYTES):
        # Readers differ in where they look for the long record; only where all find the same one is it taken.
        at, size64 = struct.unpack_from("<Q", tail, end - 12)[0], _END64_BYTES - 12
        if end64 < 0 or tail_at + end64 != at or not tail.startswith(_END64 + struct.pack("<Q", size64), end64):
            raise Refusal("archive_invalid", attr="photos")
        list_bytes, list_end = struct.unpack_from("<Q", tail, end64 + 40)[0], tail_at + end64
    if list_bytes > MOST_LIST_BYTES:
        raise Refusal("archive_too_large", f"The ZIP holds more than {MOST_ENTRIES} files.", attr="photos")
    file.seek(max(0, list_end - list_bytes))
    if file.read(list_bytes).count(_ENTRY) > MOST_ENTRIES:
        raise Refusal("archive_too_large", f"The ZIP holds more than {MOST_ENTRIES} files.", attr="photos")
    file.seek(0)
