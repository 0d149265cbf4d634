"""Shares of data keys: 32 random bytes each, kept where overwriting and deleting mean something.

A database keeps what it was told to delete: in dead rows, in its write-ahead log, in every backup. So a data key is
wrapped by a key of the ring and a share together, and the share lies in a storage of files, STORAGES["keys"]. Without
its share a wrapped key opens with no ring, wherever a copy of it stands.

On a disk a share is overwritten in place, forced out, and deleted. That holds on file systems that write where they
wrote (ext4, XFS); copy-on-write file systems, snapshots and the spare blocks of an SSD may keep the old bytes a while.
"""

import os
import secrets
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

from heirloom.errors import Refusal

ALIAS = "keys"
FOLDER = "shares"
SHARE_BYTES = 32

REMEMBERED_S, MOST_REMEMBERED, FETCHED_AT_ONCE = 60.0, 20_000, 16
"""A list of fifty people from a bucket would be fifty ways there. What is remembered opens nothing of a person who was
erased: the wrapped key is gone."""
_remembered: dict[UUID, tuple[bytes, float]] = {}


class ShareMissingError(LookupError):
    """There is no such share: it was destroyed, or its storage is not the one that it was put into."""


def make() -> tuple[UUID, bytes]:
    """Make a share that outlives a power cut from here on. Raises Refusal `storage_unavailable`."""
    share_id, share = uuid4(), secrets.token_bytes(SHARE_BYTES)
    with _storage_errors():
        if (path := _path(share_id)) is None:
            store().save(name_of(share_id), ContentFile(share))
        else:
            _write(path, share)
    return share_id, share


def read(share_id: UUID) -> bytes:
    """Return a share. Raises ShareMissingError, and Refusal `storage_unavailable`.

    One that came from a storage elsewhere is remembered for REMEMBERED_S in this process.
    """
    if (known := _at_hand(share_id)) is not None:
        return known
    with _storage_errors():
        try:
            with store().open(name_of(share_id), "rb") as file:
                share: bytes = file.read(SHARE_BYTES + 1)
        except FileNotFoundError:
            raise ShareMissingError(str(share_id)) from None
    if len(share) != SHARE_BYTES:
        raise ShareMissingError(str(share_id))
    if _path(share_id) is None:
        _remember(share_id, share)
    return share


def fetch(share_ids: Iterable[UUID]) -> None:
    """Have these at hand for `read`: from a storage elsewhere they come side by side, for each takes its way there.

    What is missing is left for `read` to tell. Raises Refusal `storage_unavailable`.
    """
    wanted = [one for one in share_ids if _path(one) is None and not _at_hand(one)]
    if len(wanted) > 1:
        with ThreadPoolExecutor(min(len(wanted), FETCHED_AT_ONCE)) as threads:
            list(threads.map(_fetch, wanted))


def destroy(share_id: UUID) -> None:
    """Destroy a share; it is gone for good when this returns. One that is not there is no fault.

    Raises Refusal `storage_unavailable`.
    """
    _remembered.pop(share_id, None)
    with _storage_errors():
        if (path := _path(share_id)) is None:
            store().delete(name_of(share_id))
        else:
            _overwrite(path)


def store() -> Storage:
    return storages[ALIAS]


def name_of(share_id: UUID) -> str:
    """Return where a share lies in its storage; two hundred and fifty-six folders keep each of them small."""
    return f"{FOLDER}/{share_id.hex[:2]}/{share_id}"


def _fetch(share_id: UUID) -> None:
    with suppress(ShareMissingError):
        read(share_id)


def _at_hand(share_id: UUID) -> bytes | None:
    share, good_until = _remembered.get(share_id, (None, 0.0))
    return share if time.monotonic() < good_until else None


def _remember(share_id: UUID, share: bytes) -> None:
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    _remembered[share_id] = (share, time.monotonic() + REMEMBERED_S)


def id_of(name: str) -> UUID | None:
    """Return which share lies under a name; None where it is none of ours."""
    try:
        return UUID(name.rpartition("/")[2])
    except ValueError:
        return None


def _path(share_id: UUID) -> Path | None:
    """Return where a share lies on a disk of this machine; None in a storage elsewhere."""
    place = store()
    return Path(place.path(name_of(share_id))) if isinstance(place, FileSystemStorage) else None


def _write(path: Path, share: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(share)
        file.flush()
        os.fsync(file.fileno())
    _force_out(path.parent)


def _overwrite(path: Path) -> None:
    with suppress(FileNotFoundError):
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(SHARE_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _force_out(path.parent)


def _force_out(folder: Path) -> None:
    """Have the folder's own list of names survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refusal("storage_unavailable") from error
