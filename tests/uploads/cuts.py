"""A file of any size that is nowhere, and a program that sends it by tus over bare sockets and hangs up at will."""

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import psutil

from tests.uploads.conftest import OCTETS, TUS, URL

BLOCK = 1024 * 1024
_NOISE = hashlib.shake_256(b"a large file").digest(BLOCK)


@dataclass(frozen=True)
class LargeFile:
    """Bytes that differ from block to block and are made as they are asked for."""

    size: int

    def part(self, start: int, stop: int) -> Iterator[bytes]:
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            block = number.to_bytes(8, "big") + _NOISE[8:]
            begin = number * BLOCK
            yield block[max(0, start - begin) : stop - begin]

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for block in self.part(0, self.size):
            digest.update(block)
        return digest.hexdigest()


class Cutter:
    """Speaks to one server. `send` may stop in the middle of a body, as a lost connection does."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        parts = urlsplit(address)
        self.host, self.port = str(parts.hostname), int(parts.port or 0)
        self.headers = {**TUS, **headers}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: object) -> HTTPResponse:
        connection = HTTPConnection(self.host, self.port, timeout=60)
        named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        connection.request(method, path, body, {**self.headers, **named})
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
        connection.close()
        return answer

    def begin(self, size: int) -> str:
        answer = self.ask("POST", URL, Upload_Length=size)
        assert answer.status == 201, answer.body  # type: ignore[attr-defined]
        return str(answer.headers["Location"])

    def offset(self, path: str) -> int:
        return int(self.ask("HEAD", path).headers["Upload-Offset"])

    @contextmanager
    def sending(self, path: str, at: int, length: int | None, **headers: object) -> Iterator[socket.socket]:
        """Give a connection on which a PATCH has begun; length: None for a chunked body."""
        named = {**self.headers, "Host": "localhost", "Content-Type": OCTETS, "Upload-Offset": at}
        named |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
        named |= {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        with socket.create_connection((self.host, self.port), timeout=60) as connection:
            connection.sendall(f"PATCH {path} HTTP/1.1\r\n{lines}\r\n".encode())
            yield connection

    def send(self, path: str, file: LargeFile, at: int, *, until: int | None = None, rudely: bool = False) -> int:
        """Send a file from an offset on, announcing all of it; return the status, 0 where the line was cut.

        until: where we cut it. rudely: by a reset instead of an orderly end.
        """
        with suppress(ConnectionError), self.sending(path, at, file.size - at) as connection:
            for block in file.part(at, file.size if until is None else until):
                connection.sendall(block)
            if until is None:
                return status_of(connection)
            if rudely:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return 0


def status_of(connection: socket.socket) -> int:
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


@contextmanager
def watched_memory(pid: int) -> Iterator[list[int]]:
    """Give a list that tells, once the block is done, by how many bytes a process and its children grew at most."""
    process, grown, over = psutil.Process(pid), [0], threading.Event()
    before = _resident(process)

    def watch() -> None:
        while not over.wait(0.05):
            grown[0] = max(grown[0], _resident(process) - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield grown
    finally:
        over.set()
        watcher.join()


def _resident(process: psutil.Process) -> int:
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])


def until_true(condition: object, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)
