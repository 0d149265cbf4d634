"""Many callers at once that cost the machine little themselves: kept-alive connections, bodies left unread as text."""

import http.client
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.client import API, CallError
from bench.figures import Series

KEPT_ALIVE_S = 1.5
"""A little less than the two seconds after which gunicorn ends a connection that rests; uvicorn waits five."""
Path = Callable[[random.Random, int], str]
"""Draws what the caller of this number asks for next."""


class Line:
    """One caller's connection, which stays open. Raises CallError for an answer that is not 2xx."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._used_at = 0.0

    def get(self, path: str) -> bytes:
        self._open()
        self._connection.request("GET", API + path, headers=self._headers)
        return self._answer(path)

    def post(self, path: str, body: bytes, content_type: str) -> float:
        """Send a body and return the seconds from its last byte to the whole answer."""
        self._open()
        self._connection.request("POST", API + path, body, {**self._headers, "Content-Type": content_type})
        sent = time.perf_counter()
        self._answer(path)
        return time.perf_counter() - sent

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> None:
        """Close a connection that rested; the web server is about to, and the next call opens it again."""
        if time.monotonic() - self._used_at > KEPT_ALIVE_S:
            self._connection.close()

    def _answer(self, path: str) -> bytes:
        answer = self._connection.getresponse()
        body = answer.read()
        self._used_at = time.monotonic()
        if not 200 <= answer.status < 300:
            raise CallError(f"{path}: {answer.status} {body[:500]!r}")
        return body


@dataclass(frozen=True, slots=True)
class Crowded:
    """What callers met who all asked at once, each again as soon as it was answered."""

    taken: Series
    per_s: float


def at_once(lines: Sequence[Line], path: Path, runs: int, *, every_s: float = 0) -> Crowded:
    """Have each caller ask so many times, after two that do not count; every_s: it rests so long from call to call."""

    def ask(number: int) -> list[float]:
        draw, taken = random.Random(number), []
        for _ in range(runs + 2):
            time.sleep(draw.uniform(0, 2 * every_s))
            asked, began = path(draw, number), time.perf_counter()
            lines[number].get(asked)
            taken.append(time.perf_counter() - began)
        return taken[2:]

    with ThreadPoolExecutor(len(lines)) as pool:
        began = time.perf_counter()
        series = list(pool.map(ask, range(len(lines))))
        lasted = time.perf_counter() - began
    return Crowded(Series(tuple(seconds for one in series for seconds in one)), len(lines) * (runs + 2) / lasted)
