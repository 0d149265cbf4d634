"""What `make dev` starts again when code changes."""

import threading
from pathlib import Path

from watchfiles import watch

_WATCHED = ("heirloom", "enrollment", "verification", "templates", "manage.py")
_SUFFIXES = {".py", ".html"}
_VISION_ROOMS = ("heirloom/errors/", "heirloom/media/", "heirloom/vision/")


class Changes:
    """Watches the code in a thread of its own; `take` tells which services the changes since last time concern."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._stop = threading.Event()
        threading.Thread(target=self._watch, name="code watcher", daemon=True).start()

    def take(self) -> set[str]:
        with self._lock:
            names, self._names = self._names, set()
        return names

    def close(self) -> None:
        self._stop.set()

    def _watch(self) -> None:
        folders = [self._root / name for name in _WATCHED if (self._root / name).exists()]
        for changes in watch(*folders, stop_event=self._stop, raise_interrupt=False):
            paths = [
                Path(path).relative_to(self._root).as_posix() for _, path in changes if Path(path).suffix in _SUFFIXES
            ]
            with self._lock:
                self._names |= concerned(paths)


def concerned(paths: list[str]) -> set[str]:
    """Return the services that run the code in these paths, relative to the project's root."""
    names = {"web", "worker", "beat"} if paths else set()
    if any(path.startswith(_VISION_ROOMS) for path in paths):
        names |= {"vision"}
    return names
