"""One process that the supervisor started: its log, its stop, and the promise that it does not outlive us."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from logging import Formatter, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

_GUARD = Path(__file__).with_name("guard.py")
_LOG_BYTES = 5 * 1024 * 1024
_LOGS_KEPT = 5
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. death_signal: what it gets when its parent dies. user: the system user it becomes, "" for ours."""

    name: str
    command: tuple[str, ...]
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    user: str = ""


class Child:
    """A running Program. Start it from the main thread only: on Linux "parent" means the thread that started it."""

    def __init__(
        self, program: Program, log_dir: Path, environment: Mapping[str, str], echo: Callable[[str], None] | None = None
    ) -> None:
        self.program = program
        self.log = log_dir / f"{program.name}.log"
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._echo = echo
        log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._process = _start(program, environment)
        self._reader = threading.Thread(target=self._keep_output, name=f"log of {program.name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def how_it_ended(self) -> str:
        code = self._process.poll()
        if code is None:
            return "is running"
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

    def ask_to_stop(self) -> None:
        """Signal the process itself, not its children: it knows best how to end them."""
        if self.running:
            self._process.send_signal(self.program.stop_signal)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end and say whether it came in time."""
        try:
            self._process.wait(max(timeout_s, 0.01))
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        """Kill whatever is left: the process, and what it started and left behind in its group."""
        # PermissionError: macOS, when only zombies are left
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=2)

    def _keep_output(self) -> None:
        output: IO[bytes] | None = self._process.stdout
        if output is None:
            return
        handler = RotatingFileHandler(self.log, maxBytes=_LOG_BYTES, backupCount=_LOGS_KEPT, encoding="utf-8")
        handler.setFormatter(Formatter("%(message)s"))
        with output:
            for raw in output:
                line = raw.decode("utf-8", "replace").rstrip()
                self.tail.append(line)
                handler.emit(LogRecord(self.program.name, 0, "", 0, line, None, None))
                if self._echo:
                    self._echo(line)
        handler.close()


MEMORY = {"MALLOC_ARENA_MAX": "2"}
"""glibc gives each thread a heap of its own, and pictures of many sizes leave holes in all of them: the worker grew by
a fifth over 500 jobs (`python -m bench.run memory`). What the operator sets stands."""


def guarded(program: Program) -> list[str]:
    """Return the command line that starts the program so that it dies with this process."""
    guard = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), program.death_signal.name, program.user]
    return [*guard, *program.command]


def _start(program: Program, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        guarded(program),
        env={**MEMORY, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops the others in order.
        start_new_session=True,
    )
