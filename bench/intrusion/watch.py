"""What an attack does to the web process meanwhile: how long a probe waits, and how much memory is kept."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import psutil

from bench.intrusion.target import Target

EVERY_S = 0.05


@dataclass
class Waited:
    """longest_s: of the probes at /livez, each on a connection of its own; an answer other than 200 counts as lost."""

    longest_s: float = 0.0
    lost: int = 0


@contextmanager
def probed(target: Target) -> Iterator[Waited]:
    """Ask the probe again and again while the block lasts."""
    waited, over = Waited(), threading.Event()

    def ask() -> None:
        while not over.wait(EVERY_S):
            began = time.monotonic()
            try:
                waited.lost += not httpx.get(f"{target.address}/livez", timeout=60).is_success
            except httpx.TransportError:
                waited.lost += 1
            waited.longest_s = max(waited.longest_s, time.monotonic() - began)

    thread = threading.Thread(target=ask, name="probe")
    thread.start()
    try:
        yield waited
    finally:
        over.set()
        thread.join()


def web_bytes(target: Target) -> int:
    """Return the memory that the web process holds for itself."""
    return int(_web(target).memory_info().rss)


def _web(target: Target) -> psutil.Process:
    port = str(urlsplit(target.address).port)
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "heirloom.asgi:application" in command and port in command and "uvicorn" in command:
            return process
    raise LookupError("the web process was not found")
