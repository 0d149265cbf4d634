"""`make run` as a whole: a first and a second start, a refused third, and no process left, however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from heirloom.embedded.serve import web_answers
from tests.embedded.machines import ROOT, Machine, free_port, until_ready


@pytest.fixture(scope="module")
def machine(module_var_folder: Path) -> Iterator[Machine]:
    machine = Machine(module_var_folder, free_port())
    yield machine
    machine.end()


def test_a_new_machine_starts_tells_the_password_once_and_stops_on_ctrl_c(machine: Machine) -> None:
    process = machine.start()
    said = until_ready(process)
    assert re.search(r"^  Address +http://127\.0\.0\.1:\d+/", said, re.MULTILINE)
    password = re.search(r"^  Password +(\S{12,})", said, re.MULTILINE)
    assert password
    assert all(name in said for name in ("Vision ", "Whom it fails ", "Attack check ", "FFmpeg "))
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


def test_the_second_start_makes_no_password_and_a_killed_supervisor_leaves_nothing(machine: Machine) -> None:
    process = machine.start()
    said = until_ready(process)
    assert "Password" not in said
    assert len(machine.processes()) > 4
    process.kill()
    process.communicate()
    assert machine.nothing_is_left()


def test_a_start_after_a_kill_works_and_a_second_one_beside_it_is_refused(machine: Machine) -> None:
    process = machine.start()
    until_ready(process)
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
