"""`make run`: from an empty folder to a running Heirloom, and back."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from heirloom import settings
from heirloom.embedded import postgres, programs
from heirloom.embedded.children import guarded
from heirloom.embedded.postgres import StartError
from heirloom.embedded.reload import Changes
from heirloom.embedded.report import Prepared, ready_lines
from heirloom.embedded.serve import web_answers
from heirloom.embedded.supervisor import STOP_WITHIN_S, Supervisor

HOST = "127.0.0.1"
_DATABASE, _VISION, _WORK = range(3)
_PREPARED_WITHIN_S = 600.0
_READY_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Options:
    """reload: restart services when code changes, and show all logs."""

    port: int = 8000
    reload: bool = False


def say(line: str) -> None:
    print(line, flush=True)


def run(options: Options) -> int:
    """Start all services, keep them running until told to stop, stop them. Returns the exit code."""
    address = f"http://{HOST}:{options.port}"
    try:
        with postgres.locked(settings.VAR_DIR, f"{address}"):
            _require_free(options.port)
            return _supervise(options, address)
    except StartError as error:
        say(str(error))
        return 1


def _supervise(options: Options, address: str) -> int:
    started = time.monotonic()
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "heirloom.settings",
    }
    supervisor = Supervisor(settings.LOG_DIR, environment, say, echo=options.reload)
    supervisor.listen()
    try:
        say(f"Starting Heirloom; data in {settings.VAR_DIR}, logs in {settings.LOG_DIR} ...")
        if settings.EMBEDDED:
            _start_database(supervisor)
        prepared = _prepare(supervisor, environment)
        if prepared is None:
            return 0
        _start_services(supervisor, options)
        if _await_ready(supervisor, options.port):
            for line in ready_lines(address, prepared, time.monotonic() - started):
                say(line)
        _keep_running(supervisor, options)
    finally:
        say(f"Stopping; running jobs have {STOP_WITHIN_S:.0f} s to end, the others go on at the next start ...")
        supervisor.stop()
        say("Stopped.")
    return 0


def _start_database(supervisor: Supervisor) -> None:
    server = supervisor.start(
        postgres.program(settings.VAR_DIR), stage=_DATABASE, before=lambda: postgres.prepare(settings.VAR_DIR)
    )
    postgres.await_ready(settings.VAR_DIR, server)


def _start_services(supervisor: Supervisor, options: Options) -> None:
    supervisor.start(programs.vision(), stage=_VISION)
    supervisor.start(programs.web(HOST, options.port), stage=_WORK)
    supervisor.start(programs.worker(), stage=_WORK)
    supervisor.start(programs.beat(), stage=_WORK)


def _prepare(supervisor: Supervisor, environment: Mapping[str, str]) -> Prepared | None:
    """Migrate and make what a new machine lacks, in a process of its own; None if stopped meanwhile.

    Its answer may hold a password, so it comes through a pipe and never through a log.
    """
    command = guarded(programs.manage("prepare", "--new-machine"))
    settings.LOG_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = settings.LOG_DIR / "prepare.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, env=dict(environment), stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        deadline = time.monotonic() + _PREPARED_WITHIN_S
        while process.poll() is None and not supervisor.stopping and time.monotonic() < deadline:
            supervisor.look()
        process.kill()
        answer, _ = process.communicate()
    if supervisor.stopping:
        return None
    if process.returncode != 0:
        raise StartError(f"The database could not be prepared. {log} says:\n{_last_lines(log)}")
    return Prepared(**json.loads(answer.splitlines()[-1]))


def _await_ready(supervisor: Supervisor, port: int) -> bool:
    """Wait until /readyz is green, and say once when that takes long; False if told to stop."""
    slow_at = time.monotonic() + 20
    deadline = time.monotonic() + _READY_WITHIN_S
    while not supervisor.stopping:
        supervisor.look()
        if web_answers(port, "/readyz"):
            return True
        if time.monotonic() > slow_at:
            say("Still loading; the first start builds the vision models ...")
            slow_at = deadline + 1
        if time.monotonic() > deadline:
            say(f"Not ready after {_READY_WITHIN_S:.0f} s: read {settings.LOG_DIR}, or run `python manage.py doctor`.")
            deadline = float("inf")
    return False


def _keep_running(supervisor: Supervisor, options: Options) -> None:
    changes = Changes(settings.BASE_DIR) if options.reload else None
    while not supervisor.stopping:
        supervisor.look()
        if changes is not None and (names := changes.take()):
            say(f"Code changed; starting {', '.join(sorted(names))} again ...")
            supervisor.restart(names)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartError(
                f"Port {port} is in use by another program. Stop that one, or choose another port: PORT=8001 make run"
            ) from error


def _last_lines(file: Path) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-15:])


def with_database(command: list[str]) -> int:
    """Run a Python program with the embedded database up for its length, and return its exit code."""
    if not settings.EMBEDDED or postgres.answers(settings.VAR_DIR):
        return subprocess.call([sys.executable, *command])
    try:
        with postgres.running(settings.VAR_DIR):
            return subprocess.call([sys.executable, *command])
    except StartError as error:
        say(str(error))
        return 1
