"""The Heirloom that a demo or a bench speaks to: its own, started as `make run` starts one and stopped at the end."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from heirloom.embedded import postgres
from heirloom.embedded.children import Child, Program

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 300.0
STOPPED_WITHIN_S = 60.0
# What would lead the instance to somebody else's data.
FOREIGN = (
    *("DATABASE_URL", "CELERY_BROKER_URL", "REDIS_URL", "STORAGES", "SECRET_KEY", "ENCRYPTION_KEYS"),
    *("KEY_RING_FILE", "VISION_SOCKET", "LOG_DIR", "STATIC_ROOT", "ALLOWED_HOSTS", "HTTPS"),
)


class InstanceError(Exception):
    """The instance did not start, or refused a command."""


@dataclass(frozen=True, slots=True)
class Instance:
    """address: where it answers. environment: with which its `manage.py` and Django itself find its data."""

    address: str
    environment: Mapping[str, str] = field(repr=False)

    def make_login(self, username: str, password: str, *roles: str) -> None:
        flags = [part for role in roles for part in ("--role", role)]
        self.python("manage.py", "create_login", username, *flags, "--password-stdin", said=password)

    def python(self, *arguments: str, said: str = "", aloud: bool = False) -> str:
        """Run a Python program on the instance's data and return what it prints. Raises InstanceError.

        aloud: what it says on stderr is seen at once.
        """
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=dict(self.environment),
            input=said,
            stdout=subprocess.PIPE,
            stderr=None if aloud else subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise InstanceError(f"{' '.join(arguments)} failed:\n{(done.stderr or '')[-2000:]}")
        return done.stdout


@contextmanager
def own_instance(**settings: str) -> Iterator[Instance]:
    """Start an embedded instance in a temporary folder on a free port, and end both with the block.

    Only the models are shared with the installation in this folder. Raises InstanceError when it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="heirloom-bench-") as folder:
        port = free_port()
        instance = Instance(f"http://127.0.0.1:{port}", _environment(Path(folder), port, settings))
        program = Program(
            "heirloom",
            (sys.executable, "-m", "heirloom.embedded"),
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGTERM,
        )
        child = Child(program, Path(folder) / "logs", instance.environment)
        try:
            _await_ready(child, instance.address)
            yield instance
        finally:
            child.ask_to_stop()
            child.wait(STOPPED_WITHIN_S)
            child.end()


@contextmanager
def own_database() -> Iterator[Instance]:
    """Start a database of the newest migrations in a temporary folder, and nothing else; it has no address."""
    with tempfile.TemporaryDirectory(prefix="heirloom-bench-") as folder, postgres.running(Path(folder)):
        instance = Instance("", _environment(Path(folder), 0, {}))
        instance.python("manage.py", "migrate")
        yield instance


def _environment(folder: Path, port: int, settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in FOREIGN}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "heirloom.settings",
        "HEIRLOOM_ENV_FILE": os.devnull,
        "HEIRLOOM_VAR": str(folder),
        "PORT": str(port),
        "MODELS_DIR": os.environ.get("MODELS_DIR", str(ROOT / "var" / "models")),
        "THROTTLE_CALLER": "1000000/min",
        "THROTTLE_COST": "100000000/min",
        "THROTTLE_OWNER": "1000000/min",
        "THROTTLE_OWNER_COST": "100000000/min",
        "THROTTLE_SIGN_IN": "1000/min",
        "FACE_FAILURES_PER_CALLER": "1000000",
        "FACE_FAILURES_PER_PERSON": "1000000",
        "FACE_SUSPENDED_AFTER": "1000000",
        **settings,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(child: Child, address: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_ready(address):
        if not child.running or time.monotonic() > deadline:
            said = "\n".join(child.tail)
            raise InstanceError(f"Heirloom did not start ({child.how_it_ended}). It says:\n{said}")
        time.sleep(0.2)


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=10).is_success
    except httpx.TransportError:
        return False
