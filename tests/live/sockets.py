"""A client app's side of a socket, by the `websockets` package."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

SOON_S = 20.0


class Socket:
    def __init__(self, web: str, path: str, **options: Any) -> None:
        """options: `headers` and `subprotocols` of the handshake."""
        address, headers = web.replace("http://", "ws://") + path, options.pop("headers", {})
        self.open = ExitStack()
        self.wire = self.open.enter_context(connect(address, additional_headers=headers, proxy=None, **options))

    def next(self, within_s: float = SOON_S) -> dict[str, Any]:
        return dict(json.loads(self.wire.recv(within_s)))

    def until(self, **wanted: Any) -> dict[str, Any]:
        """Return the next event that holds all of this."""
        while True:
            event = self.next()
            if wanted.items() <= event.items():
                return event

    def rest(self) -> Iterator[dict[str, Any]]:
        """Give every event up to the end of the socket."""
        while True:
            try:
                yield self.next()
            except ConnectionClosed:
                return

    def ending(self) -> tuple[int | None, str | None]:
        """Return the close code and reason, once the socket has ended; events before it are passed over."""
        for _ in self.rest():
            pass
        return self.wire.close_code, self.wire.close_reason

    def close(self) -> None:
        self.open.close()
