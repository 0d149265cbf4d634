"""Private folders for work on plaintext: readable by their owner alone, gone when the work or its process ends."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

_LOCK = "lock"


def scratch_root() -> Path:
    """Return the folder of all private folders, made on first use."""
    root = Path(settings.VAR_DIR) / "run" / "plain"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give a new folder with mode 0700, deleted with everything in it on exit.

    A lock held by this process marks it as in use; the kernel lets go of it however the process ends.
    """
    folder, lock = _claimed_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep_plaintext() -> int:
    """Delete the private folders of processes that are dead and return how many there were."""
    return sum(_sweep(folder) for folder in scratch_root().iterdir() if folder.is_dir())


def _claimed_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(dir=scratch_root()))
        # A sweep may come between the folder and its lock; then another folder is made.
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue
        if _locked(lock) and (folder / _LOCK).exists():
            return folder, lock
        os.close(lock)


def _sweep(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return False
    try:
        if not _locked(lock):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
