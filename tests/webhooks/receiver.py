"""A real server that takes webhooks, answers as a test says, and checks signatures by code of its own."""

import base64
import hashlib
import hmac
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """statuses: answered in turn, then 200 for ever; drips: bytes of the answer come one by one, slowly."""

    statuses: list[int] = field(default_factory=list)
    answer: bytes = b"thank you"
    location: str = ""
    drips_s: float = 0.0
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.received.append(Received(self.path, headers, body))
                outer.reply(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def url(self, host: str = "127.0.0.1") -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{host}:{self.server.server_port}/hook?of=ours"

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(self.statuses.pop(0) if self.statuses else 200)
        if self.location:
            handler.send_header("Location", self.location)
        if self.drips_s:
            handler.wfile.flush()
            self._drip(handler.wfile)
            return
        handler.send_header("Content-Length", str(len(self.answer)))
        handler.end_headers()
        handler.wfile.write(self.answer)

    def _drip(self, out: Any) -> None:
        try:
            for _ in range(200):
                out.write(b"X-Slow: 1\r\n")
                out.flush()
                time.sleep(self.drips_s)
        except OSError:
            pass


def signed_by(received: Received, secret: str) -> bool:
    """Say whether one of the signatures of a message was made with this secret."""
    key = base64.b64decode(secret[len("whsec_") :])
    signed = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.{received.body.decode()}"
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}" in received.headers["webhook-signature"].split(" ")
