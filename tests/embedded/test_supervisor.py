"""The supervisor: starts again what died, stops in order, and leaves nothing behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from heirloom.embedded.children import Program
from heirloom.embedded.supervisor import Supervisor

PYTHON = (sys.executable, "-u", "-c")
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
WITH_CHILD = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid); time.sleep(600)"
POLITE = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit())); print('up'); "
POLITE += "time.sleep(600)"
SUPERVISE = """
import os, sys
from pathlib import Path
from heirloom.embedded.children import Program
from heirloom.embedded.supervisor import Supervisor
supervisor = Supervisor(Path(sys.argv[1]), os.environ, print)
supervisor.listen()
for name, code in [a.split('=', 1) for a in sys.argv[2:]]:
    child = supervisor.start(Program(name, (sys.executable, '-u', '-c', code)), stage=1)
    while not child.tail: supervisor.look()
    print(child.pid, child.tail[-1], flush=True)
print('started', flush=True)
while not supervisor.stopping: supervisor.look()
supervisor.stop()
print('stopped', flush=True)
"""


class Said(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


def _look_until(supervisor: Supervisor, condition: object, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        supervisor.look()


def _alive(number: int) -> bool:
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


def _supervise(log_dir: Path, *programs: str) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a supervisor of these programs in a process of its own; return it and the process numbers it told."""
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(log_dir), *programs], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    numbers: list[int] = []
    while (line := process.stdout.readline()) != "started\n":
        assert line, "the supervisor ended before it had started"
        numbers += [int(word) for word in line.split() if word.isdecimal()]
    return process, numbers


def _gone(numbers: list[int], timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while any(_alive(number) for number in numbers) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(_alive(number) for number in numbers)


def test_a_child_that_died_is_started_again_and_said_so(tmp_path: Path) -> None:
    said = Said()
    supervisor = Supervisor(tmp_path, os.environ, said)
    child = supervisor.start(Program("one", (*PYTHON, POLITE)), stage=1)
    _look_until(supervisor, lambda: child.tail)
    os.kill(child.pid, signal.SIGKILL)
    log = tmp_path / "one.log"
    _look_until(supervisor, lambda: log.read_text().count("up") == 2)
    supervisor.stop()
    assert "one ended (signal SIGKILL); it starts again in 2 s" in said[0]


def test_children_are_asked_politely_and_what_they_say_is_logged(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, os.environ, Said())
    child = supervisor.start(Program("one", (*PYTHON, POLITE)), stage=1)
    _look_until(supervisor, lambda: child.tail)
    supervisor.stop()
    assert (tmp_path / "one.log").read_text() == "up\nbye\n"


def test_the_highest_stage_is_stopped_first(tmp_path: Path) -> None:
    ended: list[str] = []
    supervisor = Supervisor(tmp_path, os.environ, Said())
    children = {
        name: supervisor.start(Program(name, (*PYTHON, POLITE)), stage=stage)
        for stage, name in enumerate(("database", "vision", "web"))
    }
    for name, child in children.items():
        _look_until(supervisor, lambda child=child: child.tail)  # type: ignore[misc]
        original = child.end
        child.end = lambda original=original, name=name: (ended.append(name), original())[1]  # type: ignore[method-assign, misc]
    supervisor.stop()
    assert ended == ["web", "vision", "database"]


def test_what_does_not_stop_in_time_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heirloom.embedded.supervisor.STOP_WITHIN_S", 0.5)
    said = Said()
    supervisor = Supervisor(tmp_path, os.environ, said)
    child = supervisor.start(Program("stubborn", (*PYTHON, STUBBORN)), stage=1)
    _look_until(supervisor, lambda: child.tail)
    supervisor.stop()
    assert not _alive(child.pid)
    assert said == ["stubborn did not stop and is killed; its unfinished jobs are taken up again later"]


def test_ctrl_c_stops_all_and_leaves_no_grandchild(tmp_path: Path) -> None:
    process, numbers = _supervise(tmp_path, f"family={WITH_CHILD}", f"polite={POLITE}")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert output == "stopped\n"
    assert len(numbers) == 3
    assert _gone(numbers)


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    process, numbers = _supervise(tmp_path, f"stubborn={STUBBORN}")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert _gone(numbers)


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    process, numbers = _supervise(tmp_path, f"stubborn={STUBBORN}", f"polite={POLITE}")
    process.kill()
    process.communicate()
    assert len(numbers) == 2
    assert _gone(numbers)


def test_logs_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heirloom.embedded.children._LOG_BYTES", 2000)
    supervisor = Supervisor(tmp_path, os.environ, Said())
    code = "import time\nfor i in range(1000): print(i)\ntime.sleep(600)"
    child = supervisor.start(Program("chatty", (*PYTHON, code)), stage=1)
    _look_until(supervisor, lambda: child.tail and child.tail[-1] == "999")
    supervisor.stop()
    assert sorted(path.name for path in tmp_path.iterdir())[:2] == ["chatty.log", "chatty.log.1"]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.iterdir())
