"""Real servers, real sockets: connections that break, servers that die, requests that meet; every byte arrives."""

import hashlib
import json
import os
import random
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from heirloom.api import keys
from heirloom.embedded.children import Program
from heirloom.embedded.serve import web_answers
from heirloom.uploads import services
from heirloom.uploads.models import Upload, UploadPart
from tests.cast import Cast, make_cast
from tests.processes import Processes
from tests.uploads.conftest import URL
from tests.uploads.cuts import BLOCK, Cutter, LargeFile, status_of, until_true, watched_memory

MB = 1024 * 1024
CUTS = 20
LARGE_BYTES = 64 * MB + 12345
HUGE_BYTES = 1024 * MB
MOST_GROWTH_BYTES = 48 * MB
ENTRYPOINT = Path(__file__).parents[2] / "deploy" / "entrypoint.sh"
pytestmark = pytest.mark.django_db(transaction=True)


def uvicorn(processes: Processes) -> str:
    return processes.web()


def gunicorn(processes: Processes) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = Program("web", ("sh", str(ENTRYPOINT), "web"))
    child = processes.start(program, PATH=path, PORT=str(port), WEB_WORKERS="1")
    processes._await(child, lambda: web_answers(port), 60)
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, processes: Processes, django_db_setup: None) -> Iterator[str]:
    """The web server of `make run`, or the one that a test names."""
    yield getattr(request, "param", uvicorn)(processes)
    processes.stop("web")


on_both = pytest.mark.parametrize("server", [uvicorn, gunicorn], indirect=True)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def key(cast: Cast) -> str:
    return keys.create(owner=cast.cleo, name="kiosk", actor=cast.ada).secret


@pytest.fixture
def cutter(server: str, key: str) -> Cutter:
    return Cutter(server, {"X-API-Key": key})


def arrived(path: str) -> str:
    """Return the SHA-256 of what an upload holds."""
    digest = hashlib.sha256()
    for chunk in services.read(upload_at(path)):
        digest.update(chunk)
    return digest.hexdigest()


def upload_at(path: str) -> Upload:
    return Upload.objects.get(pk=path.removeprefix(URL).strip("/"))


def settled(cutter: Cutter, path: str) -> int:
    """Return the offset once the server has noticed that the line is dead."""
    until_true(lambda: not UploadPart.objects.filter(is_counted=False).exists())
    return cutter.offset(path)


def warmed(cutter: Cutter) -> Cutter:
    """Return the same, once the server has loaded what its first requests load."""
    path = cutter.begin(BLOCK)
    cutter.send(path, LargeFile(BLOCK), 0)
    return cutter


def send_with_cuts(cutter: Cutter, file: LargeFile, cuts: int) -> str:
    """Send a file over lines that break at odd places, and go on each time where HEAD says."""
    path, chance = cutter.begin(file.size), random.Random(7)
    for number in range(cuts):
        at = cutter.offset(path)
        goal = min(file.size - 1, file.size * (number + 1) // (cuts + 1) + chance.randrange(BLOCK))
        if goal > at:
            cutter.send(path, file, at, until=goal, rudely=number % 2 == 1)
    while (at := cutter.offset(path)) < file.size:
        # The server may not have noticed the last break when asked for the offset: then it refuses, and hangs up.
        assert cutter.send(path, file, at) in {204, 409, 0}
    return path


@on_both
def test_an_upload_that_is_cut_twenty_times_arrives_byte_for_byte(cutter: Cutter, processes: Processes) -> None:
    file, cutter = LargeFile(LARGE_BYTES), warmed(cutter)
    with watched_memory(processes.children["web"].pid) as grown:
        path = send_with_cuts(cutter, file, CUTS)
    assert arrived(path) == file.sha256()
    assert grown[0] < MOST_GROWTH_BYTES


@pytest.mark.slow
def test_a_gigabyte_that_is_cut_twenty_times_arrives_byte_for_byte(
    cutter: Cutter, processes: Processes, server: str
) -> None:
    file, cutter = LargeFile(HUGE_BYTES), warmed(cutter)
    with watched_memory(processes.children["web"].pid) as grown:
        path = send_with_cuts(cutter, file, CUTS)
    assert arrived(path) == file.sha256()
    assert grown[0] < MOST_GROWTH_BYTES


@on_both
def test_all_that_reached_the_server_before_a_break_stays(cutter: Cutter) -> None:
    file = LargeFile(20 * MB)
    path = cutter.begin(file.size)
    with cutter.sending(path, 0, file.size) as connection:
        send(connection, file, 0, 10 * MB + 77)
        # Resting is enough to have it stored.
        until_true(lambda: cutter.offset(path) == 10 * MB + 77)
        send(connection, file, 10 * MB + 77, 11 * MB)
        time.sleep(0.5)
    until_true(lambda: cutter.offset(path) >= 11 * MB - 128 * 1024)
    assert cutter.send(path, file, settled(cutter, path)) == 204
    assert arrived(path) == file.sha256()


def test_of_requests_at_once_none_spoils_the_file(cutter: Cutter) -> None:
    file = LargeFile(12 * MB)
    path = cutter.begin(file.size)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: cutter.send(path, file, 0), range(4)))
    assert set(answers) <= {204, 409, 423, 0}
    while (at := cutter.offset(path)) < file.size:
        assert cutter.send(path, file, at) == 204
    assert arrived(path) == file.sha256()


@on_both
def test_whoever_holds_the_body_back_is_refused_without_sending_it(cutter: Cutter) -> None:
    path = cutter.begin(20 * MB)
    with cutter.sending(path, 5, 10 * MB, Expect="100-continue") as connection:
        assert status_of(connection) == 409
    with cutter.sending(path, 0, MB, Expect="100-continue") as connection:
        assert connection.recv(64).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"x" * MB)
        assert status_of(connection) == 204


@on_both
def test_a_refused_body_is_read_on_a_little_so_that_the_refusal_is_heard(cutter: Cutter) -> None:
    path = cutter.begin(20 * MB)
    answer = cutter.ask("PATCH", path, b"x" * 700_000, Upload_Offset=9, Content_Type="application/offset+octet-stream")
    assert (answer.status, answer.headers["Connection"]) != (409, "close")
    assert json.loads(answer.body)["errors"][0]["code"] == "upload_offset_differs"  # type: ignore[attr-defined]


@on_both
def test_a_body_of_no_told_length_ends_where_the_upload_does(cutter: Cutter) -> None:
    path = cutter.begin(5 * MB)
    with cutter.sending(path, 0, None) as connection:
        for _ in range(9):
            connection.sendall(b"%x\r\n" % MB + b"x" * MB + b"\r\n")
        assert status_of(connection) == 413
    assert cutter.offset(path) < 5 * MB
    at = cutter.offset(path)
    with cutter.sending(path, at, None) as connection:
        connection.sendall(b"%x\r\n" % (5 * MB - at) + b"x" * (5 * MB - at) + b"\r\n0\r\n\r\n")
        assert status_of(connection) == 204


def test_a_revoked_key_sends_no_more(cutter: Cutter, cast: Cast) -> None:
    file = LargeFile(2 * MB)
    path = cutter.begin(file.size)
    cutter.send(path, file, 0, until=MB)
    key = keys.ApiKey.objects.get()
    keys.revoke(key=key, actor=cast.ada)
    assert cutter.ask("PATCH", path, b"x", Upload_Offset=0).status == 401
    assert cutter.ask("HEAD", path).status == 401


def test_waiting_for_callers_keeps_no_connection_from_others(cutter: Cutter) -> None:
    """More transfers rest in the middle than the pool has connections, and others are answered all the same."""
    paths = [cutter.begin(2 * MB) for _ in range(24)]
    resting = [cutter.sending(path, 0, 2 * MB) for path in paths]
    for one in resting:
        one.__enter__().sendall(b"x" * 1000)
    time.sleep(1)
    began = time.monotonic()
    assert cutter.offset(paths[0]) == 0
    assert time.monotonic() - began < 5
    for one in resting:
        one.__exit__(None, None, None)
    until_true(lambda: all(cutter.offset(path) >= 1000 for path in paths))


@pytest.mark.slow
def test_an_upload_goes_on_after_the_server_was_killed_and_stopped(processes: Processes, key: str) -> None:
    file = LargeFile(24 * MB)
    processes.stop("web")
    cutter = Cutter(uvicorn(processes), {"X-API-Key": key})
    path = cutter.begin(file.size)
    with cutter.sending(path, 0, file.size) as connection:
        send(connection, file, 0, 13 * MB)
        until_true(lambda: cutter.offset(path) >= 8 * MB)
        processes.kill("web")
    cutter = Cutter(uvicorn(processes), {"X-API-Key": key})
    at = cutter.offset(path)
    assert at >= 8 * MB, "what was counted stays"
    with cutter.sending(path, at, file.size - at) as connection:
        send(connection, file, at, 18 * MB)
        until_true(lambda: cutter.offset(path) >= at + 4 * MB)
        began = time.monotonic()
        processes.stop("web")
        assert time.monotonic() - began < 18, "the server does not wait for a caller that sends nothing"
    cutter = Cutter(uvicorn(processes), {"X-API-Key": key})
    at = cutter.offset(path)
    assert at == 18 * MB, "in order, all that arrived stays"
    assert cutter.send(path, file, at) == 204
    assert arrived(path) == file.sha256()
    processes.stop("web")


def send(connection: socket.socket, file: LargeFile, start: int, stop: int) -> None:
    for block in file.part(start, stop):
        connection.sendall(block)
