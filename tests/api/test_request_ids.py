"""One id follows a request: from the caller through the answer and the log to the job that it leaves."""

import asyncio
import logging
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from heirloom import request_ids
from heirloom.accounts.models import User
from heirloom.api import keys
from heirloom.api.asked import RequestIds
from heirloom.api.body_limits import BodyLimitMiddleware
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from heirloom.logs import Line
from tests.cast import PASSWORD, make_cast
from tests.processes import Processes

OWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BROUGHT = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def address(processes: Processes, django_db_setup: None) -> Iterator[str]:
    """Of a real uvicorn; nothing here is computed, so there is no vision process."""
    yield processes.web()
    processes.stop("web")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("real_passwords")
def test_every_answer_has_an_id_and_the_log_tells_who_was_refused(address: str, processes: Processes) -> None:
    make_cast()
    cleo = User.objects.get(username="cleo")
    key = keys.create(owner=cleo, name="kiosk", actor=cleo)
    with httpx.Client(base_url=address) as client:
        paths = ("/livez", "/api/v1/nothing/", "/sign-in/", "/static/none", "/api/v1/people/")
        assert all(OWN.fullmatch(client.get(path).headers["X-Request-ID"]) for path in paths)
        assert client.get("/livez", headers={"X-Request-ID": BROUGHT}).headers["X-Request-ID"] == BROUGHT
        named = client.get("/livez", headers={"X-Request-ID": "grace.hopper@example.org"})
        assert OWN.fullmatch(named.headers["X-Request-ID"])
        refused = client.post("/api/v1/people/", json={"full_name": "Grace Hopper"}, headers={"X-API-Key": key.secret})
        assert refused.status_code == 403
        large = client.post("/sign-in/", content=b"x" * 100_000, headers={"Content-Type": "text/plain"})
        assert large.status_code == 413
    log = Path(processes.children["web"].log)
    lines = _lines(log, refused.headers["X-Request-ID"]), _lines(log, large.headers["X-Request-ID"])
    assert f"refused with 403: POST api/v1/people/$, login {cleo.pk} key {key.key.id}, from 127.0.0.1" in lines[0]
    assert "refused with 413: POST /api/v1/auth/.*|/sign-in/, nobody known, from 127.0.0.1" in lines[1]
    for said in ("Grace", "cleo", PASSWORD, "example.org", key.secret):
        assert said not in log.read_text()


def _lines(log: Path, request_id: str) -> str:
    return "".join(line for line in log.read_text().splitlines() if f"[{request_id}]" in line)


@pytest.mark.django_db
def test_a_job_carries_the_id_of_its_request_into_its_lines_and_its_own_jobs(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def handle(subject_id: uuid.UUID, lease: Any) -> None:
        told.append(Line("{request_id}", style="{").format(logging.LogRecord("x", 20, "", 0, "", None, None)))
        jobs.enqueue(kind="followed", subject_id=subject_id)

    monkeypatch.setitem(settings.JOB_KINDS, "followed", "tests.api.test_request_ids.handled")
    monkeypatch.setitem(globals(), "handled", handle)
    with request_ids.carried(BROUGHT):
        job = jobs.enqueue(kind="followed", subject_id=uuid.uuid4())
    assert request_ids.current() == request_ids.NONE
    assert jobs.run(job_id=job.pk)
    assert told == [BROUGHT]
    assert list(Job.objects.filter(kind="followed").values_list("request_id", flat=True)) == [BROUGHT, BROUGHT]
    assert jobs.enqueue(kind="followed", subject_id=uuid.uuid4()).request_id == ""


@pytest.mark.parametrize(
    "brought",
    ["", "E-1001", "Grace Hopper", "a" * 32 + "!", "g" * 32, "0" * 31, "\r\nX: y", "0af76519-16cd43dd8448eb211c80319c"],
)
def test_an_id_of_another_form_is_not_taken(brought: str) -> None:
    assert OWN.fullmatch(request_ids.taken(brought))


def test_whoever_is_refused_again_and_again_does_not_wash_the_log_away(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(*_: Any) -> None: ...

    async def send(_: Any) -> None: ...

    limited = RequestIds(BodyLimitMiddleware(refuse, photo_bytes=1, clip_bytes=1))
    address = f"203.0.113.{uuid.uuid4().int % 250}"
    headers = [(b"content-length", b"999999999")]
    for _ in range(50):
        scope = {"type": "http", "method": "POST", "path": "/x", "headers": headers, "client": (address, 1)}
        asyncio.run(limited(scope, None, send))  # type: ignore[arg-type]
    assert sum(address in record.getMessage() for record in caplog.records) == 1
