"""Where the kernel does not tell a child of its parent's death, a watcher does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

# The guard of another system, run here: the parent prints both process numbers and waits to be killed.
PARENT = """
import os, subprocess, sys, time
code = "import sys; sys.platform = 'darwin'; sys.path.insert(0, sys.argv.pop(1)); "
code += "import guard; sys.exit(guard.main(sys.argv[1:]))"
child = subprocess.Popen([sys.executable, "-c", code, sys.argv[1], str(os.getpid()), "SIGTERM", "", "sleep", "600"])
print(child.pid, flush=True)
time.sleep(600)
"""
GUARD_FOLDER = str(Path(__file__).parents[2] / "heirloom" / "embedded")


def _watched(guard: int) -> psutil.Process:
    deadline = time.monotonic() + 10
    while not (children := psutil.Process(guard).children()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return children[0]


def _start() -> tuple["subprocess.Popen[str]", int, psutil.Process]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, GUARD_FOLDER], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    guard = int(parent.stdout.readline())
    return parent, guard, _watched(guard)


def _end(parent: "subprocess.Popen[str]") -> None:
    parent.kill()
    parent.communicate()


def test_the_watched_program_ends_with_the_parent() -> None:
    parent, _, program = _start()
    _end(parent)
    assert psutil.wait_procs([program], timeout=10)[1] == []


def test_a_signal_to_the_watcher_reaches_the_program() -> None:
    parent, guard, program = _start()
    os.kill(guard, signal.SIGTERM)
    assert psutil.wait_procs([program], timeout=10)[1] == []
    _end(parent)
