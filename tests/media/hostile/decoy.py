"""What the hostile files are to reach and must not: a file, and addresses where somebody counts who calls."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import PIL.Image

from tests.media.hostile.bases import written
from tests.media.hostile.made import Bait

TOKEN = b"canary-7b1f0c"
CANARY_COLOR = (255, 0, 255)
ELSEWHERE = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): nothing is sent there; asked for the way, the system names our address."""


@dataclass(slots=True)
class Decoy:
    """A listener on every address of this machine. calls: from where somebody connected."""

    bait: Bait
    calls: list[str] = field(default_factory=list)


@contextlib.contextmanager
def laid(folder: Path) -> Iterator[Decoy]:
    """Lay out the bait: a picture in `folder` that nobody may read, and addresses that nobody may call."""
    canary = folder / "canary.jpg"
    canary.write_bytes(written(PIL.Image.new("RGB", (160, 120), CANARY_COLOR), "JPEG", comment=TOKEN))
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        decoy = Decoy(Bait(canary, tuple(f"{address}:{port}" for address in _own_addresses())))
        listening = threading.Thread(target=_count, args=(listener, decoy), daemon=True)
        listening.start()
        try:
            yield decoy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listening.join(5)


def _count(listener: socket.socket, decoy: Decoy) -> None:
    while True:
        try:
            connection, address = listener.accept()
        except OSError:
            return  # shut down
        decoy.calls.append(f"{address[0]}:{address[1]}")
        connection.close()


def _own_addresses() -> tuple[str, ...]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(ELSEWHERE)
        except OSError:
            return ("127.0.0.1",)  # a machine without a network
        return tuple(dict.fromkeys(("127.0.0.1", way.getsockname()[0])))
