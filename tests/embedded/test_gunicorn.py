"""`deploy/entrypoint.sh web`: the web server of the image takes what the one of `make run` takes."""

import base64
import io
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from heirloom.accounts.models import User
from heirloom.embedded.children import Program
from heirloom.embedded.serve import web_answers
from tests.cast import PASSWORD, make_cast
from tests.live.conftest import Work, bearer
from tests.live.sockets import Socket
from tests.portraits import Portrait
from tests.processes import Processes

ENTRYPOINT = Path(__file__).parents[2] / "deploy" / "entrypoint.sh"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("vision_process", "real_passwords")]


@pytest.fixture(scope="module")
def address(processes: Processes, django_db_setup: None) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    child = processes.start(
        Program("gunicorn", ("sh", str(ENTRYPOINT), "web")), PATH=path, PORT=str(port), WEB_WORKERS="1"
    )
    processes._await(child, lambda: web_answers(port), 60)
    yield f"http://127.0.0.1:{port}/api/v1"
    processes.stop("gunicorn")


@pytest.fixture
def cleo(address: str) -> Iterator[httpx.Client]:
    make_cast()
    with httpx.Client(base_url=address, timeout=60) as client:
        token = client.post("/auth/token/", json={"username": "cleo", "password": PASSWORD}).json()["access"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture
def large(portraits: dict[str, Portrait]) -> bytes:
    """A photo of four megabytes."""
    out = io.BytesIO()
    Image.open(io.BytesIO(portraits["hopper"].jpeg)).resize((1100, 1300)).save(out, "BMP")
    return out.getvalue()


def test_it_takes_large_bodies_in_json_and_in_forms(cleo: httpx.Client, large: bytes) -> None:
    body = {"image_base64": base64.b64encode(large).decode()}
    assert len(body["image_base64"]) > 5_000_000
    answers = [cleo.post("/detect/", json=body), cleo.post("/detect-upload/", files={"file": ("a.bmp", large)})]
    assert [(answer.status_code, len(answer.json()["faces"])) for answer in answers] == [(200, 1)] * 2


def test_it_refuses_a_body_that_is_too_long_however_it_is_sent(cleo: httpx.Client) -> None:
    chunks = (b"x" * 65536 for _ in range(64))
    for content in (b"x" * 4_000_000, chunks):
        answer = cleo.post("/people/", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_many_bytes")


def test_it_answers_many_at_a_time(cleo: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: cleo.get("/verifications/").status_code, range(64)))
    assert set(answers) == {200}


def test_it_tells_of_progress_live(cleo: httpx.Client, address: str) -> None:
    web, owner = address.removesuffix("/api/v1"), User.objects.get(username="cleo")
    attempt = Work(owner)
    socket = Socket(web, attempt.path, headers=bearer(owner))
    assert socket.next()["status"] == "queued"
    lease = attempt.take_up()
    for progress in (5, 50, 90):
        lease.report("analyzing", progress)
        assert socket.until(progress=progress) == cleo.get(f"/verifications/{attempt.row.id}/").json()
    attempt.end(lease)
    assert socket.until(status="done")["outcome"] == "failed"
    assert socket.ending() == (1000, "")
    socket.close()
    for headers in ({}, bearer(User.objects.get(username="carl"))):
        refused = Socket(web, attempt.path, headers=headers)
        assert refused.ending()[0] in {4401, 4404}
        refused.close()
    large = Socket(web, Work(owner).path, headers=bearer(owner))
    large.wire.send("x" * 100_000)
    assert large.ending()[0] == 1009
    large.close()
