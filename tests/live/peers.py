"""The other side of a consumer: an ASGI server's part of a socket, in this process."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from channels.db import database_sync_to_async

from heirloom.live import consumers, hub


class Peer:
    """A server's side of one socket. While `takes` is not set, the client reads nothing."""

    def __init__(self, path: str, token: str) -> None:
        self.scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": path,
            "headers": [(b"authorization", f"Bearer {token}".encode())],
            "subprotocols": [],
            "client": ("127.0.0.1", 1),
        }
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.events: list[dict[str, Any]] = []
        self.code: int | None = None
        self.takes = asyncio.Event()
        self.takes.set()
        self.task = asyncio.create_task(consumers.Follower.as_asgi()(self.scope, self.inbox.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        await self.takes.wait()
        if message["type"] == "websocket.send":
            self.events.append(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.code = message["code"]
            self.inbox.put_nowait({"type": "websocket.disconnect", "code": self.code})

    async def leave(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self.task


async def holds(condition: Callable[[], bool], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


async def there(act: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Do something as another process would, and give its connection back."""
    return await database_sync_to_async(act, thread_sensitive=False)(*arguments, **named)


async def hearing() -> None:
    await holds(lambda: hub.hub().hears)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)
