"""A new machine: a data folder and a port of its own, and what runs there."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@dataclass
class Machine:
    """A new machine: a data folder and a port of its own."""

    var: Path
    port: int
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self) -> subprocess.Popen[str]:
        (self.var / "recommended_weights_tried").touch()  # the tests ask nothing of the internet
        environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "HTTPS"}}
        environment |= {"HEIRLOOM_VAR": str(self.var), "PORT": str(self.port), "JOB_LEASE_S": "5"}
        command = [sys.executable, "-m", "heirloom.embedded"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Kill whatever runs here, as a test that failed may have left it."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        for left in self.processes():
            left.kill()

    def processes(self) -> list[psutil.Process]:
        """Return what runs here, told by the data folder in its command line or environment."""
        found = []
        for process in psutil.process_iter():
            try:
                facts = [*process.cmdline(), process.environ().get("HEIRLOOM_VAR", "")]
            except psutil.Error:
                continue
            if any(str(self.var) in fact for fact in facts):
                found.append(process)
        return found

    def nothing_is_left(self, timeout_s: float = 30) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.processes()


def until_ready(process: subprocess.Popen[str], timeout_s: float = 240) -> str:
    """Return what was said until all is ready; the line about Ctrl-C is the last."""
    assert process.stdout is not None
    said, deadline = [], time.monotonic() + timeout_s
    while not said or "Ctrl-C" not in said[-1]:
        said.append(process.stdout.readline())
        assert said[-1], f"it ended: {''.join(said)}"
        assert time.monotonic() < deadline
    return "".join(said)
