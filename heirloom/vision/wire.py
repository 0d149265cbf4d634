"""What the vision process and its clients agree on: address, key and messages.

Messages are pickles, and whoever can speak to the socket can make the other side run code. So the socket lies in a
folder of mode 0700, and a client must send the key (a 0600 file beside it, or the environment) before its first
message is read: only the same user ever gets that far.
"""

import os
import pickle
import secrets
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

KEY_ENVIRONMENT = "HEIRLOOM_VISION_KEY"
KEY_BYTES = 32
LONGEST_KEY_BYTES = 1024

ANALYZE, STATUS = "analyze", "status"
METHODS = frozenset({ANALYZE, STATUS})

OK, REFUSED, BROKEN = "ok", "refused", "broken"
"""The first element of an answer: the value, a Refusal, or the text of a fault of ours."""

_LONGEST_ADDRESS_BYTES = 107
"""What `sun_path` of a Unix socket holds on Linux, less its closing zero."""


def send(connection: "Connection[Any, Any]", message: Any) -> None:
    """Send a message. Its pixels follow as they lie in memory, and are not copied into it first."""
    beside: list[pickle.PickleBuffer] = []
    packed = pickle.dumps(message, protocol=5, buffer_callback=beside.append)
    pixels = [each.raw() for each in beside]
    connection.send_bytes(pickle.dumps((packed, [each.nbytes for each in pixels])))
    for each in pixels:
        left = each
        while left:
            left = left[os.write(connection.fileno(), left) :]


def receive(connection: "Connection[Any, Any]") -> Any:
    """Return the next message. Raises EOFError if the other end hangs up."""
    packed, sizes = pickle.loads(connection.recv_bytes())  # nosec B301 # noqa: S301 - of this user
    return pickle.loads(packed, buffers=[_exactly(connection, size) for size in sizes])  # nosec B301 # noqa: S301


def _exactly(connection: "Connection[Any, Any]", size: int) -> memoryview:
    whole = np.empty(size, np.uint8).data
    left = whole
    while left:
        count = os.readv(connection.fileno(), [left])
        if count == 0:
            raise EOFError("the other end closed")
        left = left[count:]
    return whole


def key_file(socket: Path) -> Path:
    return socket.with_name(socket.name + ".key")


def read_key(socket: Path) -> bytes:
    """Return the key both sides prove, from the environment or the file beside the socket.

    Raises FileNotFoundError when there is neither.
    """
    from_environment = os.environ.get(KEY_ENVIRONMENT)
    return from_environment.encode() if from_environment else key_file(socket).read_bytes()


def make_key(socket: Path) -> bytes:
    """Return the key for a server, writing the file beside the socket where there is none yet."""
    if os.environ.get(KEY_ENVIRONMENT) or key_file(socket).is_file():
        return read_key(socket)
    partial = key_file(socket).with_suffix(f".{os.getpid()}.part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(KEY_BYTES).encode())
    partial.replace(key_file(socket))
    return read_key(socket)


def private_folder(socket: Path) -> None:
    """Make the socket's folder, for this user alone.

    Raises PermissionError when it is there and others may enter it, ValueError when the address is too long.
    """
    if len(os.fsencode(socket)) > _LONGEST_ADDRESS_BYTES:
        raise ValueError(f"the socket's path is over {_LONGEST_ADDRESS_BYTES} bytes: {socket}")
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = socket.parent.stat()
    if facts.st_mode & 0o077 or facts.st_uid != os.getuid():
        raise PermissionError(f"{socket.parent} must belong to this user alone (mode 0700)")
