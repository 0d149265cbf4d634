"""Stopped or killed in the middle of a job: the job goes on at the next start, and has its effect once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from bench.portraits import packaged
from heirloom.embedded import local
from tests.embedded.machines import ROOT, Machine, free_port, until_ready
from tests.pictures import retaken

PHOTOS = 10
CONSENT = {"policy_version": "1", "given_at": "2026-01-05T09:00:00Z", "method": "signed form"}
PASSWORD = "a password of the tests alone"
MADE = """SELECT count(*), count(DISTINCT t.capture_id) FROM enrollment_facetemplate t
JOIN enrollment_capture c ON c.id = t.capture_id WHERE c.enrollment_id = %s"""


@pytest.fixture(scope="module")
def machine(module_var_folder: Path) -> Iterator[Machine]:
    machine = Machine(module_var_folder, free_port())
    yield machine
    machine.end()


def _photos(name: str) -> list[bytes]:
    """Return many photos of one person, so that the job lasts some seconds."""
    return [retaken(packaged()[name], turned=number - PHOTOS / 2) for number in range(PHOTOS)]


def _make_login(machine: Machine, username: str) -> None:
    environment = {**os.environ, "HEIRLOOM_VAR": str(machine.var), "HEIRLOOM_LOGIN_PASSWORD": PASSWORD}
    command = [sys.executable, "manage.py", "create_login", username, "--role", "hr"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def _submit(machine: Machine, username: str, photos: list[bytes]) -> str:
    """Hand the photos in over HTTP and return the visit's id."""
    with httpx.Client(base_url=f"http://127.0.0.1:{machine.port}/api/v1", timeout=30) as client:
        login = client.post("/auth/token/", json={"username": username, "password": PASSWORD}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {login.json()['access']}"
        person = client.post("/people/", json={"full_name": username}).raise_for_status().json()["id"]
        client.post(f"/people/{person}/consents/", json=CONSENT).raise_for_status()
        files = [("files", (f"{number}.jpg", photo)) for number, photo in enumerate(photos)]
        visit: str = client.post(f"/people/{person}/captures/", files=files).raise_for_status().json()["id"]
    return visit


def _ask(machine: Machine, query: str, *values: object) -> tuple[Any, ...]:
    with psycopg.connect(local.database_url(machine.var)) as connection:
        row = connection.execute(query, values).fetchone()
    assert row is not None
    return row


def _until_state(machine: Machine, visit: str, *states: str, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    query = "SELECT state, attempts FROM jobs_job WHERE subject_id = %s"
    while (found := _ask(machine, query, visit))[0] not in states:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@pytest.mark.parametrize(("how", "who"), [(signal.SIGINT, "astronaut"), (signal.SIGKILL, "hopper")])
def test_a_job_under_way_is_done_once_by_the_end_of_the_next_start(
    machine: Machine, how: signal.Signals, who: str
) -> None:
    process = machine.start()
    until_ready(process)
    _make_login(machine, who)
    visit = _submit(machine, who, _photos(who))
    _until_state(machine, visit, "running")
    process.send_signal(how)
    process.communicate(timeout=90)
    assert machine.nothing_is_left()

    process = machine.start()
    until_ready(process)
    _until_state(machine, visit, "done")
    outcome = _ask(machine, "SELECT outcome FROM enrollment_enrollment WHERE id = %s", visit)
    made, captures = _ask(machine, MADE, visit)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=90)
    assert outcome == ("enrolled",)
    assert 0 < made == captures <= PHOTOS
    assert machine.nothing_is_left()
