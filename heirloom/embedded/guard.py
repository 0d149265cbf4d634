"""Start a program that cannot outlive its parent: `python -I -S guard.py PARENT_PID SIGNAL USER PROGRAM ARGUMENT...`.

On Linux the kernel sends the signal when the parent dies, and this process becomes the program. Elsewhere it stays
and watches. Only the standard library is used: this runs as a file of its own, before anything is importable.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time

_PR_SET_PDEATHSIG = 1
_WATCH_EVERY_S = 0.5
_STOP_WITHIN_S = 10.0


def main(arguments: list[str]) -> int:
    parent, death_signal, user, program = int(arguments[0]), signal.Signals[arguments[1]], arguments[2], arguments[3:]
    if user:
        _become(user)
    if not sys.platform.startswith("linux"):
        return _watch(parent, death_signal, program)
    # After the change of user, which clears it.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() == parent:
        os.execvp(program[0], program)  # noqa: S606 - no shell is what is wanted
    return 1


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _watch(parent: int, death_signal: signal.Signals, program: list[str]) -> int:
    child = subprocess.Popen(program)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent:
            child.send_signal(death_signal)
            _end(child)
            return 1
        time.sleep(_WATCH_EVERY_S)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
