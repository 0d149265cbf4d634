"""A real Celery worker on the test database, in a process of its own."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

from heirloom.embedded.children import Child
from heirloom.embedded.programs import beat, worker

SOON_S = 20.0


class Worker(Child):
    log_dir: ClassVar[Path]
    started: ClassVar[list[Child]] = []

    @classmethod
    def start(cls, **environment: str) -> Self:
        made = cls(worker(), cls.log_dir, _environment(environment))
        cls.started.append(made)
        soon(lambda: any(line.endswith("ready.") for line in made.tail))
        return made

    @classmethod
    def start_beat(cls, **environment: str) -> None:
        cls.started.append(cls(beat(), cls.log_dir, _environment(environment)))

    def kill(self) -> None:
        """Kill -9, as the kernel does when memory runs out."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait(5)


def soon(condition: Callable[[], bool], within_s: float = SOON_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


# The settings of this run are in the environment already, the test database among them.
def _environment(more: dict[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.jobs.settings",
        "PYTHONUNBUFFERED": "1",
        "WORKER_THREADS": "2",
        "JOB_LEASE_S": "2",
        "JOB_SWEEP_S": "1",
        **more,
    }
