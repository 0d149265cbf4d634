"""Connections that rest: neither uvicorn, as `make run` starts it, nor gunicorn, as the image does, waits for ever."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from heirloom.embedded.children import Program
from heirloom.embedded.programs import web
from heirloom.embedded.serve import web_answers
from tests.processes import Processes

ENTRYPOINT = Path(__file__).parents[2] / "deploy" / "entrypoint.sh"
BOUNDS = {"WEB_HEAD_S": "1.5", "WEB_TAKEN_S": "1.5", "WEB_CONNECTIONS": "20"}
PATIENCE_S = 20.0
pytestmark = pytest.mark.django_db(transaction=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def uvicorn(port: int) -> Program:
    return Program("bounded-uvicorn", web("127.0.0.1", port).command)


def gunicorn(port: int) -> Program:
    return Program("bounded-gunicorn", ("sh", str(ENTRYPOINT), "web"))


@pytest.fixture(scope="module", params=[uvicorn, gunicorn])
def port(request: pytest.FixtureRequest, processes: Processes, django_db_setup: None) -> Iterator[int]:
    port = free_port()
    program: Program = request.param(port)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    child = processes.start(program, PATH=path, PORT=str(port), WEB_WORKERS="1", **BOUNDS)
    processes._await(child, lambda: web_answers(port), 60)
    yield port
    processes.stop(program.name)


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as wire:
        yield wire


def ending(wire: socket.socket, again: Callable[[int], bytes]) -> bytes:
    """Return what is answered before the connection ends, to a client that sends something again and again.

    Raises AssertionError where it does not end.
    """
    heard, until = b"", time.monotonic() + PATIENCE_S
    wire.settimeout(0.2)
    for number in range(1_000_000):
        assert time.monotonic() < until, "the connection does not end"
        try:
            if more := again(number):
                wire.sendall(more)
            piece = wire.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            return heard
        if not piece:
            return heard
        heard += piece
    raise AssertionError


@pytest.mark.parametrize(
    "begin",
    [b"", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n", b"GET /live", b"\r\n"],
    ids=["nothing", "fields", "line", "blank lines"],
)
def test_a_head_that_drips_in_ends_the_connection(port: int, begin: bytes) -> None:
    drips = {b"": b"", b"\r\n": b"\r\n", b"GET /live": b"z"}.get(begin, b"X-A: b\r\n")
    with connected(port) as wire:
        wire.sendall(begin)
        heard = ending(wire, lambda _: drips)
    assert heard == b"" or heard.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400"))
    assert web_answers(port)


def test_the_next_head_on_a_connection_that_is_kept_drips_in_no_longer(port: int) -> None:
    with connected(port) as wire:
        wire.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.recv(65536).startswith(b"HTTP/1.1 200")
        ending(wire, lambda number: b"GET /livez HTTP/1.1\r\n" if number == 0 else b"\r\n"[number % 2 :][:1] or b"X")


def test_a_connection_that_is_kept_and_rests_ends(port: int) -> None:
    with connected(port) as wire:
        wire.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ending(wire, lambda _: b"").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET /livez HTTP/1.1\r\nX-A: ", b"a" * 8192),
        (b"GET /", b"a" * 8192),
        (b"GET /livez HTTP/1.1\r\n", b"X-A: b\r\n" * 50),
        (b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", b"a" * 8192),
        (b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 1000),
    ],
    ids=["a field", "the line", "fields", "a chunk's extension", "trailers"],
)
def test_a_head_without_end_is_not_kept(port: int, begin: bytes, more: bytes) -> None:
    sent = 0

    def again(_: int) -> bytes:
        nonlocal sent
        sent += len(more)
        return more

    with connected(port) as wire:
        wire.sendall(begin)
        ending(wire, again)
    assert sent < 4 * 1024 * 1024
    assert web_answers(port)


def test_whoever_holds_all_connections_keeps_nobody_out(port: int) -> None:
    with ExitStack() as held:
        for _ in range(60):
            wire = held.enter_context(connected(port))
            wire.sendall(b"GET /livez HTTP/1.1\r\n")
        assert all(web_answers(port) for _ in range(20))


def test_an_answer_that_nobody_takes_ends_its_connection(port: int) -> None:
    ask = b"GET /static/unfold/css/styles.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.settimeout(PATIENCE_S)
        wire.connect(("127.0.0.1", port))
        asked, until = 0, time.monotonic() + PATIENCE_S
        wire.setblocking(False)
        while time.monotonic() < until:
            try:
                asked += wire.send(ask)
            except BlockingIOError:
                pass
            except OSError:
                return  # the server ended it, and said so by a reset
            time.sleep(0.02)
    raise AssertionError("the connection does not end")
