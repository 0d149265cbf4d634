"""Servers that fail on purpose: one that answers from a list, and a wire before a real one that breaks."""

import json
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

HANG_UP = 0
Answer = tuple[int, dict[str, str], Any]


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Scripted:
    """Answers what a test wrote down, in turn: (status, headers, body as JSON); HANG_UP closes without an answer."""

    answers: list[Answer]
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                told = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append(Asked(self.command, self.path, told, body))
                status, headers, content = outer.answers.pop(0)
                if status == HANG_UP:
                    self.close_connection = True
                    return
                sent = b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(sent))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_HEAD = do_PATCH = answer  # noqa: N815 - the names that the server looks for

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


class BreakingWire:
    """A way to a real server on which connections end in the middle, as often as there are lengths in `cuts`.

    cuts: how many bytes of what is sent come through each of the next connections that send so much.
    """

    def __init__(self, address: str, cuts: list[int]) -> None:
        parts = urlsplit(address)
        self.target = (str(parts.hostname), int(parts.port or 0))
        self.cuts = cuts
        self.broken = 0

    def __enter__(self) -> Self:
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self.listener.accept()
                server = socket.create_connection(self.target)
                threading.Thread(target=self._there, args=(caller, server), daemon=True).start()
                threading.Thread(target=self._back, args=(server, caller), daemon=True).start()

    def _there(self, caller: socket.socket, server: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while block := caller.recv(65536):
                passed += len(block)
                if self.cuts and passed > self.cuts[0]:
                    self.cuts.pop(0)
                    self.broken += 1
                    break
                server.sendall(block)
        _close(caller, server)

    @staticmethod
    def _back(server: socket.socket, caller: socket.socket) -> None:
        with suppress(OSError):
            while block := server.recv(65536):
                caller.sendall(block)
        _close(caller, server)


def _close(*both: socket.socket) -> None:
    for one in both:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
