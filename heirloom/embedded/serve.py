"""The commands of a container: a few programs under the supervisor, and whether they are well."""

import os
import socket
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException

import psycopg

from heirloom import env, settings
from heirloom.embedded import programs
from heirloom.embedded.children import Program
from heirloom.embedded.supervisor import Supervisor
from heirloom.errors import Refusal
from heirloom.vision.client import VisionClient

PROGRAMS: dict[str, Callable[[], Program]] = {
    "vision": programs.vision,
    "worker": programs.worker,
    "beat": programs.beat,
}


def serve(names: Sequence[str]) -> int:
    """Keep these programs running until told to stop; what they say goes to the container's log as well."""
    supervisor = Supervisor(settings.LOG_DIR, os.environ, lambda line: print(line, flush=True), echo=True)
    supervisor.listen()
    try:
        for stage, name in enumerate(names):
            supervisor.start(PROGRAMS[name](), stage=stage)
        while not supervisor.stopping:
            supervisor.look()
    finally:
        supervisor.stop()
    return 0


def web_answers(port: int, path: str = "/livez", host: str = "127.0.0.1") -> bool:
    """Say whether the web server on this machine answers 200."""
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def healthy(parts: Sequence[str]) -> int:
    """Return 0 if all of these parts of this container are well, else 1."""
    checks: dict[str, Callable[[], bool]] = {
        "web": lambda: web_answers(env.integer("PORT", 8000)),
        "vision": _vision,
        "worker": _worker,
    }
    return 0 if all(checks[part]() for part in parts) else 1


def _vision() -> bool:
    """Ask the vision process; one that was told to run on a GPU and runs on the CPU is not well."""
    try:
        status = VisionClient(settings.VISION_SOCKET, timeout_s=4).status()
    except Refusal:
        return False
    return status.ready and (settings.VISION_DEVICE != "cuda" or status.device.startswith("cuda"))


def _worker() -> bool:
    """Ask the database for a heartbeat of a worker of this host; without Django, for this runs every few seconds."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM jobs_workerheartbeat"
        " WHERE kind = 'worker' AND details->>'host' = %s AND good_until > now())"
    )
    try:
        with psycopg.connect(settings.DATABASE_URL, connect_timeout=4) as connection:
            return connection.execute(query, [socket.gethostname()]).fetchone() == (True,)
    except psycopg.Error:
        return False
