"""The vision process: one engine behind a Unix socket, so that the web process never runs a model.

python -m heirloom.vision.server --socket var/run/vision.sock --models-dir var/models --pack dlib
"""

import argparse
import contextlib
import hmac
import logging
import signal
import socket as sockets
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from heirloom.errors import Refusal
from heirloom.vision import wire
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.types import Vision

logger = logging.getLogger(__name__)

BACKLOG = 64
DRAIN_WITHIN_S = 15.0
"""Under the 20 s after which a supervisor kills."""


class VisionServer:
    """Answers `analyze` and `status`, one thread for each connection; nothing else can be called."""

    def __init__(self, vision: Vision, socket: Path) -> None:
        """Listen at `socket`; raises PermissionError when its folder is open to others.

        Raises OSError when another server answers there; a socket that a killed one left behind is replaced.
        """
        wire.private_folder(socket)
        _clear_left_behind(socket)
        self._vision = vision
        self._socket = socket
        self._key = wire.make_key(socket)
        self._listener = Listener(str(socket), "AF_UNIX", backlog=BACKLOG)
        self._closing = threading.Event()
        self._answered = threading.Condition()
        self._answering = 0

    def serve(self) -> None:
        """Accept connections until `close`."""
        while not self._closing.is_set():
            try:
                connection = self._listener.accept()
            except OSError:
                if not self._closing.is_set():
                    raise
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Stop accepting; what is being answered goes on, see `drain`. Safe in any thread."""
        self._closing.set()
        with contextlib.suppress(OSError), sockets.socket(sockets.AF_UNIX) as waker:
            waker.connect(str(self._socket))  # closing a listener does not wake a thread that waits in accept
        self._listener.close()

    def drain(self, within_s: float) -> bool:
        """Wait until every call that was under way is answered; False when time ran out before."""
        with self._answered:
            return self._answered.wait_for(lambda: not self._answering, within_s)

    def _talk(self, connection: "Connection[Any, Any]") -> None:
        with connection, contextlib.suppress(EOFError, OSError):
            if self._closing.is_set() or not self._proved(connection):
                return
            while not self._closing.is_set():
                message = wire.receive(connection)
                with self._under_way():
                    wire.send(connection, self._answer(message))

    @contextlib.contextmanager
    def _under_way(self) -> Iterator[None]:
        with self._answered:
            self._answering += 1
        try:
            yield
        finally:
            with self._answered:
                self._answering -= 1
                self._answered.notify_all()

    def _proved(self, connection: "Connection[Any, Any]") -> bool:
        """Compare the key before anything is unpickled."""
        proved = hmac.compare_digest(connection.recv_bytes(wire.LONGEST_KEY_BYTES), self._key)
        if not proved:
            logger.warning("a connection to the vision socket did not know its key")
        return proved

    def _answer(self, message: tuple[str, tuple[Any, ...]]) -> tuple[str, Any]:
        method, arguments = message
        if method not in wire.METHODS:
            return wire.BROKEN, f"no such method: {method}"
        try:
            return wire.OK, getattr(self._vision, method)(*arguments)
        except Refusal as refusal:
            return wire.REFUSED, refusal
        except Exception as error:  # it is raised anew in the client; this process must go on
            logger.exception("vision %s failed", method)
            return wire.BROKEN, type(error).__name__


def _clear_left_behind(socket: Path) -> None:
    if not socket.exists():
        return
    with sockets.socket(sockets.AF_UNIX) as probe:
        try:
            probe.connect(str(socket))
        except OSError:
            socket.unlink(missing_ok=True)
            return
    raise OSError(f"another vision process answers at {socket}")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and answer what is under way then.

    Returns 1 when the configured models cannot be loaded.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    engine = VisionEngine(
        VisionConfig(
            models_dir=options.models_dir,
            pack=options.pack,
            device=options.device,
            threads=options.threads,
            given_model_defaults=options.given_model_defaults,
            acknowledged=tuple(filter(None, options.acknowledged.split(","))),
            idle_unload_s=options.idle_unload_s,
            vram_limit_mb=options.vram_limit_mb,
        )
    )
    server = VisionServer(engine, options.socket)
    failed = threading.Event()
    _when_asked_to_stop(server.close)
    threading.Thread(target=_load, args=(engine, server, failed), daemon=True).start()
    server.serve()
    if not server.drain(DRAIN_WITHIN_S):
        logger.warning("calls were under way for over %.0f s and are cut off", DRAIN_WITHIN_S)
    engine.close()
    return 1 if failed.is_set() else 0


def _when_asked_to_stop(act: Callable[[], None]) -> None:
    """Call `act` in a thread of its own at the first SIGTERM or SIGINT.

    A handler would run in the main thread, which sleeps in accept where the system hands the signal to another one.
    """
    hearing, telling = sockets.socketpair()
    telling.setblocking(False)
    signal.set_wakeup_fd(telling.detach())  # open for as long as the process lives
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)

    def wait() -> None:
        hearing.recv(1)
        act()

    threading.Thread(target=wait, name="stop", daemon=True).start()


def _load(engine: VisionEngine, server: VisionServer, failed: threading.Event) -> None:
    """Load while the server already answers `status`; whatever stops it ends the process, with its traceback logged."""
    loaded = False
    try:
        engine.load()
        loaded = True
    except Refusal as refusal:
        logger.error("the configured models cannot be loaded: %s", refusal.detail)  # noqa: TRY400 - no traceback needed
    finally:
        if not loaded:
            failed.set()
            server.close()


def _parser() -> argparse.ArgumentParser:
    defaults = VisionConfig()
    parser = argparse.ArgumentParser(prog="python -m heirloom.vision.server", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--models-dir", type=Path, default=defaults.models_dir)
    parser.add_argument("--pack", default=defaults.pack)
    parser.add_argument("--device", default=defaults.device, choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=defaults.threads)
    parser.add_argument("--given-model-defaults", default=defaults.given_model_defaults)
    parser.add_argument("--acknowledged", default="", help="comma-separated; see VisionConfig")
    parser.add_argument("--idle-unload-s", type=float, default=defaults.idle_unload_s, help="0: never")
    parser.add_argument("--vram-limit-mb", type=float, default=defaults.vram_limit_mb, help="0: no limit")
    parser.add_argument("--log-level", default="info")
    return parser


if __name__ == "__main__":
    sys.exit(main())
