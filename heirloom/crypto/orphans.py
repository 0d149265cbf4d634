"""Files that no row names: written before it, by a process that was killed in between.

Each kind of file has a holder (settings.FILE_HOLDERS) that says which of some names a row holds. What nobody holds a
day after it was written goes. Where that is much of what is there, the storage is somebody else's, or the database is
older than its files: then nothing is deleted, and the log says so.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.utils import timezone
from django.utils.module_loading import import_string

from heirloom.crypto import files, shares
from heirloom.crypto.models import DataKey

logger = logging.getLogger(__name__)
Holder = Callable[[Collection[str]], set[str]]
GRACE = timedelta(days=1)
FEW = 20
MOST_SHARE = 0.1
_BATCH = 500


def sweep() -> int:
    """Delete what nobody names and return how many files that were."""
    done = 0
    for folder, holder in settings.FILE_HOLDERS.items():
        done += _swept(storages["default"], folder, import_string(holder), _forget)
    return done + _swept(shares.store(), shares.FOLDER, _shares_held, _destroy)


def _swept(storage: Storage, folder: str, holder: Holder, delete: Callable[[list[str]], None]) -> int:
    looked_at, orphans = 0, list[str]()
    before = timezone.now() - GRACE
    found = _old_files(storage, folder, before)
    while names := list(islice(found, _BATCH)):
        looked_at += len(names)
        orphans += sorted(set(names) - holder(names))
    if len(orphans) > max(FEW, MOST_SHARE * looked_at):
        logger.error("%d of %d files in %s have no row: none is deleted", len(orphans), looked_at, folder)
        return 0
    delete(orphans)
    return len(orphans)


def _old_files(storage: Storage, folder: str, before: datetime) -> Iterator[str]:
    for name in _files(storage, folder):
        try:
            written_at = storage.get_modified_time(name)
        except FileNotFoundError:  # meanwhile
            continue
        if written_at < before:
            yield name


def _files(storage: Storage, folder: str) -> Iterator[str]:
    try:
        folders, names = storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}" for name in names)
    for inner in folders:
        yield from _files(storage, f"{folder}/{inner}")


def _shares_held(names: Collection[str]) -> set[str]:
    ids = {shares.id_of(name): name for name in names}
    held = DataKey.objects.filter(share__in=[one for one in ids if one]).values_list("share", flat=True)
    return {ids[one] for one in held} | {name for one, name in ids.items() if one is None}


def _forget(names: Iterable[str]) -> None:
    files.forget(names)


def _destroy(names: Iterable[str]) -> None:
    for name in names:
        if share_id := shares.id_of(name):
            shares.destroy(share_id)
