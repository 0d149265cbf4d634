"""The real processes that tests talk to, started like the supervisor starts them and ended with the test run."""

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from heirloom.embedded.children import Child, Program
from heirloom.embedded.programs import beat, vision, web, worker
from heirloom.embedded.serve import web_answers
from heirloom.vision.client import VisionClient


class Processes:
    def __init__(self, var: Path) -> None:
        self.var = var
        self.children: dict[str, Child] = {}

    def start(self, program: Program, **environment: str) -> Child:
        assert program.name not in self.children, f"{program.name} runs already"
        child = Child(program, self.var / "logs", {**os.environ, "PYTHONUNBUFFERED": "1", **environment})
        self.children[program.name] = child
        return child

    def vision(self) -> Path:
        from django.conf import settings

        path = Path(settings.VISION_SOCKET)
        child = self.start(vision())
        client = VisionClient(path)
        self._await(child, lambda: path.exists() and client.status().ready, 180)
        return path

    def other_vision(self, name: str, pack: str, models_dir: Path, *more: str) -> Path:
        """Start a second vision process, with another pack, other weights, or more options."""
        path = self.var / "run" / name / "vision.sock"
        path.parent.mkdir(mode=0o700, parents=True)
        options = ("--socket", str(path), "--models-dir", str(models_dir), "--pack", pack, *more)
        child = self.start(Program(name, (sys.executable, "-m", "heirloom.vision.server", *options)))
        client = VisionClient(path)
        self._await(child, lambda: path.exists() and client.status().ready, 180)
        return path

    def worker(self, **environment: str) -> None:
        child = self.start(worker(), **environment)
        self.start(beat())
        self._await(child, lambda: any(line.endswith("ready.") for line in child.tail), 60)

    def web(self, **environment: str) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        child = self.start(web("127.0.0.1", port), **environment)
        self._await(child, lambda: web_answers(port), 60)
        return f"http://127.0.0.1:{port}"

    def stop(self, name: str) -> None:
        """End a process in order; one that a test has ended already is left alone."""
        child = self.children.pop(name, None)
        if child is None:
            return
        child.ask_to_stop()
        child.wait(20)
        child.end()

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        self.children.pop(name).end()

    def stop_all(self) -> None:
        for name in reversed(list(self.children)):
            self.stop(name)

    @staticmethod
    def _await(child: Child, condition: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not _holds(condition):
            said = "\n".join(child.tail)
            if not child.running or time.monotonic() > deadline:
                raise AssertionError(f"{child.program.name} is not ready ({child.how_it_ended}):\n{said}")
            time.sleep(0.1)


def _holds(condition: Callable[[], bool]) -> bool:
    from heirloom.errors import Refusal

    try:
        return condition()
    except (OSError, Refusal):
        return False
