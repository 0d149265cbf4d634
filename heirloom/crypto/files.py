"""Encrypted files over any Django storage: what the storage sees is never plaintext.

A file opens under its own subject and name alone, and names tell whose they are: whoever reads says so by `place`, such
as "frames/<verification>/2", made of the row and not of what the row says its file is called. A name is its place, or
its place and "-" with anything after it. So no row can be given another row's file, even of the same subject.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from heirloom.crypto import stream
from heirloom.crypto.models import ForgottenFile
from heirloom.crypto.scratch import private_folder, scratch_root
from heirloom.crypto.services import data_key
from heirloom.crypto.stream import StreamDamagedError
from heirloom.errors import Refusal

logger = logging.getLogger(__name__)
_FORGET_BATCH = 500


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where a file was stored; size in bytes and SHA-256 (hex) are those of the plaintext."""

    name: str
    size: int
    sha256: str


def write(*, subject: UUID, name: str, chunks: Iterable[bytes]) -> StoredFile:
    """Encrypt chunks into a new file of the storage; it is there whole or not at all.

    `name` must be new; the file opens under this subject and name only.
    Raises FileExistsError, crypto.services.KeyDestroyedError, Refusal `storage_unavailable` and `key_unavailable`.
    Whatever `chunks` raises passes through, unless it is an OSError.
    """
    key = data_key(subject, make=True)
    counted = _Counted(chunks)
    with _storage_errors(), private_folder() as folder:
        sealed = folder / "sealed"
        with sealed.open("wb") as target:
            target.writelines(stream.encrypted(counted, key=key, bound_to=_bound_to(subject, name)))
            target.flush()
            os.fsync(target.fileno())
        _store(sealed, name)
    return StoredFile(name, counted.size, counted.digest.hexdigest())


def read(*, subject: UUID, name: str, place: str) -> Iterator[bytes]:
    """Decrypt a file in segments of 64 KiB, each authentic when it is given.

    Raises, while it is read, KeyDestroyedError, Refusal `seal_broken` (StreamDamagedError), `storage_unavailable` and
    `key_unavailable`.
    """
    key = _key(subject, name, place)
    with _storage_errors(), _told(name), default_storage.open(name, "rb") as source:
        yield from stream.decrypted(source, key=key, bound_to=_bound_to(subject, name))


def read_bytes(*, subject: UUID, name: str, place: str) -> bytes:
    """Decrypt a whole file into memory; raises what `read` does."""
    return b"".join(read(subject=subject, name=name, place=place))


def size_bytes(name: str) -> int:
    """Return the length of a file's plaintext. Raises Refusal `seal_broken` and `storage_unavailable`."""
    with _storage_errors(), _told(name):
        return stream.plain_bytes(default_storage.size(name))


def read_part(*, subject: UUID, name: str, place: str, start: int, stop: int) -> Iterator[bytes]:
    """Decrypt bytes `start` up to `stop` of a file; raises what `read` does."""
    key = _key(subject, name, place)
    with _storage_errors(), _told(name), default_storage.open(name, "rb") as source:
        yield from stream.decrypted_part(source, key=key, bound_to=_bound_to(subject, name), start=start, stop=stop)


def delete(name: str) -> None:
    """Delete a file; one that is not there is no fault. Raises Refusal `storage_unavailable`."""
    with _storage_errors():
        default_storage.delete(name)


@transaction.atomic
def forget(names: Iterable[str]) -> None:
    """Have files deleted once the caller's transaction has committed; what the storage refuses is tried again later."""
    given = list(names)
    ForgottenFile.objects.bulk_create([ForgottenFile(name=name) for name in given], ignore_conflicts=True)
    transaction.on_commit(lambda: _delete_forgotten(given), robust=True)


def delete_forgotten() -> None:
    """Try again to delete files that were to be forgotten; the sweep calls this."""
    _delete_forgotten(list(ForgottenFile.objects.values_list("name", flat=True)[:_FORGET_BATCH]))


def forgotten_left(before: datetime) -> bool:
    """Say whether a file that was to be forgotten before a time may still be there."""
    return ForgottenFile.objects.filter(forgotten_at__lt=before).exists()


def _delete_forgotten(names: Iterable[str]) -> None:
    for name in names:
        try:
            delete(name)
        except Refusal:
            logger.warning("a forgotten file is still there and will be deleted later")
            continue
        ForgottenFile.objects.filter(pk=name).delete()


@contextmanager
def open_unlinked(*, subject: UUID, name: str, place: str) -> Iterator[IO[bytes]]:
    """Give the plaintext as a seekable file that has no name on disk and ends with its handle.

    Raises what `read` does.
    """
    with tempfile.TemporaryFile(dir=scratch_root()) as file:
        file.writelines(read(subject=subject, name=name, place=place))
        file.seek(0)
        yield file


@contextmanager
def private_copy(*, subject: UUID, name: str, place: str, suffix: str = "") -> Iterator[Path]:
    """Give the plaintext at a path for programs that need one, in a private folder that goes on exit.

    The folder may be used for what is made of the file. Raises what `read` does.
    """
    with private_folder() as folder:
        path = folder / f"plain{suffix}"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(read(subject=subject, name=name, place=place))
        yield path


class _Counted:
    """Chunks that are measured as they pass."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = chunks
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.size += len(chunk)
            self.digest.update(chunk)
            yield chunk


class _Movable(File):  # type: ignore[type-arg]
    """A file that a storage on the same disk may take over by renaming it."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def _store(sealed: Path, name: str) -> None:
    with sealed.open("rb") as source:
        stored = default_storage.save(name, _Movable(source, str(sealed)))
    if stored != name:
        default_storage.delete(stored)
        raise FileExistsError(name)


def _key(subject: UUID, name: str, place: str) -> bytes:
    """Return the key of a file that is called as it must be for its place."""
    if name != place and not name.startswith(f"{place}-"):
        logger.critical("a row names the file of another: %s instead of one of %s", name, place)
        raise StreamDamagedError("of another place")
    return data_key(subject)


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except StreamDamagedError as error:
        logger.critical("a sealed file does not open: %s: %s", name, error.why)
        raise


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise Refusal("storage_unavailable") from error


def _bound_to(subject: UUID, name: str) -> bytes:
    return b"file" + subject.bytes + name.encode()
