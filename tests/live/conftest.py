import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from heirloom.accounts.models import User
from heirloom.api import families
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from tests.cast import Cast, make_cast
from tests.embedded.machines import free_port
from tests.jobs.workers import soon
from tests.live.sockets import Socket
from tests.processes import Processes
from verification.models import Verification
from verification.services import verifications

Connect = Callable[..., Socket]


@pytest.fixture(scope="module")
def web(processes: Processes, django_db_setup: None) -> Iterator[str]:
    """A real uvicorn; nothing here is computed, so there is no vision process."""
    yield processes.web(LIVE_SOCKETS_PER_CALLER="110", LIVE_SOCKETS="115")
    processes.stop("web")


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
def connect(web: str) -> Iterator[Connect]:
    """Open sockets, which the end of the test closes."""
    opened: list[Socket] = []

    def connected(path: str, **options: Any) -> Socket:
        opened.append(Socket(options.pop("web", web), path, **options))
        return opened[-1]

    yield connected
    for one in opened:
        one.close()


@pytest.fixture
def attempt(cast: Cast) -> "Work":
    return Work(cast.cleo)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Redis"]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on PATH")
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


class Redis:
    """A server of its own, which can go away and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder))
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        soon(self._answers)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Work:
    """A verification of a client app's that waits, and what a worker does to it, step by step."""

    def __init__(self, owner: User) -> None:
        self.row = Verification.objects.create(owner=owner, mode=Verification.Mode.IDENTIFICATION)
        self.job: Job = jobs.enqueue(kind="verification", subject_id=self.row.id, owner=owner, queue="vision")
        self.path = f"/ws/v1/verifications/{self.row.id}/"

    def take_up(self) -> jobs.Lease:
        lease = jobs.claim(job_id=self.job.id)
        assert lease is not None
        return lease

    def end(self, lease: jobs.Lease, code: str = "no_face") -> None:
        with lease.effects(error_code=code):
            verifications.fail(verification_id=self.row.id, code=code)

    def polled(self, token: str) -> Any:
        client = APIClient(headers={"Authorization": f"Bearer {token}"})
        return client.get(f"/api/v1/verifications/{self.row.id}/").json()


def token_of(user: User, *, good_for: timedelta = timedelta(minutes=5)) -> str:
    access = AccessToken(families.begin(user=user).access)
    access.set_exp(lifetime=good_for)
    return str(access)


def bearer(user: User, **options: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(user, **options)}"}
