"""What `sandbox` and `zygote` say to each other."""

import socket
import struct

ORDER = struct.Struct("!dd")
"""One order to the zygote: wall time and processor time in seconds. Beside it travel the job's descriptors."""
MOST_DESCRIPTORS = 8
LENGTHS = struct.Struct("!IQ")
"""Before each request and answer on the job's socket: bytes of JSON, bytes of payload."""
ENDED = struct.Struct("!i??")
"""How a child ended: its wait status, and whether its wall time and its processor time had run out."""
FAULT = 70
"""The exit code of a child that failed before it could say how: sysexits.h's EX_SOFTWARE."""


def exactly(connection: socket.socket, size: int) -> bytearray:
    """Return the next `size` bytes. Raises EOFError if the other end closes before."""
    received = bytearray(size)
    view = memoryview(received)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError("the other end closed")
        view = view[count:]
    return received
