"""`make run` as a whole: a first and a second start, a refused third, and no process left, however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from heirloom.embedded.serve import web_answers

ROOT = Path(__file__).parents[2]
SECOND_START_WITHIN_S = 15.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@dataclass
class Machine:
    """A new machine: a data folder and a port of its own."""

    var: Path
    port: int

    def start(self) -> subprocess.Popen[str]:
        (self.var / "recommended_weights_tried").touch()  # the tests ask nothing of the internet
        environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "HTTPS"}}
        environment |= {"HEIRLOOM_VAR": str(self.var), "PORT": str(self.port)}
        command = [sys.executable, "-m", "heirloom.embedded"]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

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


@pytest.fixture(scope="module")
def machine(module_var_folder: Path) -> Iterator[Machine]:
    machine = Machine(module_var_folder, _free_port())
    yield machine
    for process in machine.processes():
        process.kill()


def _until_ready(process: subprocess.Popen[str], timeout_s: float = 240) -> str:
    """Return what was said until all is ready; the line about Ctrl-C is the last."""
    assert process.stdout is not None
    said, deadline = [], time.monotonic() + timeout_s
    while not said or "Ctrl-C" not in said[-1]:
        said.append(process.stdout.readline())
        assert said[-1], f"it ended: {''.join(said)}"
        assert time.monotonic() < deadline
    return "".join(said)


def test_a_new_machine_starts_tells_the_password_once_and_stops_on_ctrl_c(machine: Machine) -> None:
    process = machine.start()
    said = _until_ready(process)
    assert re.search(r"^  Address +http://127\.0\.0\.1:\d+/", said, re.MULTILINE)
    password = re.search(r"^  Password +(\S{12,})", said, re.MULTILINE)
    assert password
    assert all(name in said for name in ("Vision ", "Attack check ", "FFmpeg "))
    assert web_answers(machine.port, "/readyz")
    assert web_answers(machine.port, "/livez")
    assert _listening(machine) == {"127.0.0.1"}
    assert not any(password[1] in log.read_text(errors="replace") for log in (machine.var / "logs").iterdir())
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert rest.endswith("Stopped.\n")
    assert process.returncode == 0
    assert machine.nothing_is_left(timeout_s=1)


def _listening(machine: Machine) -> set[str]:
    """Return the addresses that any of its processes listens on."""
    connections = [c for process in machine.processes() for c in process.net_connections(kind="inet")]
    return {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}


def test_the_second_start_is_quick_and_a_killed_supervisor_leaves_nothing(machine: Machine) -> None:
    started = time.monotonic()
    process = machine.start()
    said = _until_ready(process)
    took_s = time.monotonic() - started
    assert "Password" not in said
    assert took_s < SECOND_START_WITHIN_S
    assert len(machine.processes()) > 4
    process.kill()
    process.communicate()
    assert machine.nothing_is_left()


def test_a_start_after_a_kill_works_and_a_second_one_beside_it_is_refused(machine: Machine) -> None:
    process = machine.start()
    _until_ready(process)
    beside = machine.start()
    said, _ = beside.communicate(timeout=30)
    assert beside.returncode == 1
    assert said.startswith(
        f"Heirloom already runs on {machine.var}: http://127.0.0.1:{machine.port}, process {process.pid}"
    )
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert machine.nothing_is_left(timeout_s=1)


def test_a_port_in_use_is_said_in_plain_words(machine: Machine) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", machine.port))
        other.listen()
        process = machine.start()
        said, _ = process.communicate(timeout=30)
    assert (process.returncode, said.startswith(f"Port {machine.port} is in use")) == (1, True)


def test_a_setting_that_cannot_be_understood_is_said_in_plain_words(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL", "many")
    said, _ = machine.start().communicate(timeout=30)
    assert said == "The configuration cannot be used: DATABASE_POOL must be a whole number, not 'many'\n"


def test_a_command_on_a_stopped_system_says_how_to_go_on(machine: Machine) -> None:
    environment = {**os.environ, "HEIRLOOM_VAR": str(machine.var), "DATABASE_POOL": "0"}
    done = subprocess.run(
        [sys.executable, "manage.py", "showmigrations"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "python -m heirloom.embedded with-database manage.py showmigrations" in done.stderr
    assert "Traceback" not in done.stderr
