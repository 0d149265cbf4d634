"""`Vision` for processes that must not run a model: asks the vision process over its Unix socket."""

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision import wire
from heirloom.vision.types import AnalysisRequest, FrameAnalysis, VisionStatus

RETRY_AFTER_S = 5
STATUS_TIMEOUT_S = 5.0


class VisionProcessError(RuntimeError):
    """The vision process met a fault of its own; its log holds the traceback."""


class VisionClient:
    """Keeps a pool of connections; safe to use from several threads and after a fork.

    socket: where the vision process listens. key: None reads it anew for each connection, from the environment or the
    file beside the socket. timeout_s: for one analysis, waiting included. pool_size: idle connections that are kept.
    """

    def __init__(self, socket: Path, key: bytes | None = None, *, timeout_s: float = 60.0, pool_size: int = 8) -> None:
        self._socket, self._key = socket, key
        self._timeout_s, self._pool_size = timeout_s, pool_size
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._idle: list[Connection[Any, Any]] = []

    def analyze(self, images: Sequence[Image], request: AnalysisRequest) -> tuple[FrameAnalysis, ...]:
        """Analyze every image, in order.

        Raises Refusal as the engine does, and "vision_unavailable" when no vision process answers in time.
        """
        result: tuple[FrameAnalysis, ...] = self._ask(wire.ANALYZE, (tuple(images), request), self._timeout_s)
        return result

    def status(self) -> VisionStatus:
        """Return what runs there; raises Refusal "vision_unavailable" when no vision process answers in time."""
        result: VisionStatus = self._ask(wire.STATUS, (), min(STATUS_TIMEOUT_S, self._timeout_s))
        return result

    def close(self) -> None:
        """Hang up all idle connections. A later call connects anew."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, method: str, arguments: tuple[Any, ...], timeout_s: float) -> Any:
        deadline = time.monotonic() + timeout_s
        while (pooled := self._taken()) is not None:
            # A pooled connection may be one to a process that has ended; asking twice does no harm, so go on.
            with contextlib.suppress(EOFError, OSError):
                return self._exchange(pooled, (method, arguments), deadline)
        try:
            return self._exchange(self._connected(), (method, arguments), deadline)
        except (EOFError, OSError) as error:
            raise _unavailable() from error

    def _exchange(self, connection: "Connection[Any, Any]", message: tuple[Any, ...], deadline: float) -> Any:
        """One question and its answer; a connection that did not get through both is never used again."""
        whole = False
        try:
            wire.send(connection, message)
            if not connection.poll(max(0.0, deadline - time.monotonic())):
                raise _unavailable()
            kind, value = wire.receive(connection)
            whole = True
        finally:
            self._given_back(connection) if whole else connection.close()
        if kind == wire.OK:
            return value
        if kind == wire.REFUSED:
            raise value
        raise VisionProcessError(value)

    def _connected(self) -> "Connection[Any, Any]":
        key = self._key if self._key is not None else wire.read_key(self._socket)
        connection: Connection[Any, Any] = Client(str(self._socket), "AF_UNIX")
        connection.send_bytes(key)
        return connection

    def _taken(self) -> "Connection[Any, Any] | None":
        with self._lock:
            if self._owner != os.getpid():  # a forked child must not read its parent's answers
                self._owner, self._idle = os.getpid(), []
            return self._idle.pop() if self._idle else None

    def _given_back(self, connection: "Connection[Any, Any]") -> None:
        with self._lock:
            if len(self._idle) < self._pool_size:
                self._idle.append(connection)
                return
        connection.close()


def _unavailable() -> Refusal:
    return Refusal("vision_unavailable", retry_after=RETRY_AFTER_S)
