"""A socket that follows one subject: its state now, and again whenever that changes, until nothing more will come."""

import asyncio
import time
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from heirloom.live.hub import CALM_S, Watch, hub
from heirloom.live.reading import PROTOCOL, Close, State, Subject, credential, find

LONGEST_S = 3600.0
# A client that takes none of what it is sent is not there any more.
SENT_WITHIN_S = 30.0
CLOSED_WITHIN_S = 10.0
# A client need send nothing, and what it sends is not read; some tell that they live.
MOST_RECEIVED = 100


class Follower(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Every refusal comes as a close code right after the handshake.

    Before it, browsers could see nothing of why, and gunicorn has but one answer, 403.
    """

    life: asyncio.Timeout
    watch: Watch | None = None
    sender: asyncio.Task[None] | None = None
    received = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.hub, self.subject, self.credential = hub(), find(scope["path"]), credential(scope)
        self.caller = ""
        # Nothing is read from there, and servers log it: a token that is put there nevertheless stays out of logs.
        scope["query_string"] = b""
        self.hub.sockets += 1
        try:
            async with asyncio.timeout(None) as self.life:
                await super().__call__(scope, receive, send)
        except TimeoutError:
            return
        finally:
            self._leave()

    async def connect(self) -> None:
        # Whoever has not shown a credential yet takes no place of those who have.
        if self.hub.sockets - self.hub.callers.total() > settings.LIVE_SOCKETS:
            await self._refuse(Close.LATER, "too_many_sockets")
        elif self.subject is None:
            await self._refuse(Close.NOT_FOUND, "not_found")
        else:
            await self._begin(self.subject)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.received += 1
        if self.received > MOST_RECEIVED and self.sender is not None:
            self.sender.cancel()
            await self._end(Close.TOO_MUCH_SENT, "too_much_sent")

    async def _begin(self, subject: Subject) -> None:
        """Join first and look then, so that nothing falls between; the first look is this socket's own."""
        self.watch = self.hub.join(subject, self.scope, self.credential)
        state = await self.hub.look(subject, self.scope, is_first=True)
        if state is None:
            await self._refuse(Close.LATER, "unavailable")
        elif not state.text:
            await self._refuse(state.close, state.reason)
        elif self._is_full(state.caller):
            await self._refuse(Close.LATER, "too_many_sockets")
        else:
            self.caller = state.caller
            self.hub.callers[self.caller] += 1
            await self._accept()
            self.watch.offer(state)
            self.watch.start()
            self.sender = asyncio.create_task(self._send_all(self.watch), name=f"live socket {subject.topic}")

    def _is_full(self, caller: str) -> bool:
        callers = self.hub.callers
        return callers[caller] >= settings.LIVE_SOCKETS_PER_CALLER or callers.total() >= settings.LIVE_SOCKETS

    async def _send_all(self, watch: Watch) -> None:
        number, told, told_at = 0, "", 0.0
        try:
            async with asyncio.timeout(LONGEST_S):
                while True:
                    state: State = await watch.after(number)
                    number = state.number
                    if state.text and (state.text != told or time.monotonic() - told_at > CALM_S / 2):
                        async with asyncio.timeout(SENT_WITHIN_S):
                            await self.send(state.text)
                        told, told_at = state.text, time.monotonic()
                    if state.close is not None:
                        await self._end(state.close, state.reason)
                        return
        except TimeoutError:
            await self._end(Close.TIMED_OUT, "timed_out")
        except OSError:
            return  # the client went away, as the server tells whoever sends

    async def _refuse(self, code: Close | None, reason: str) -> None:
        await self._accept()
        await self._end(code, reason)

    async def _end(self, code: Close | None, reason: str) -> None:
        """Close the socket; a client that reads nothing will not take that either, and is left without it."""
        self.life.reschedule(self.hub.loop.time() + CLOSED_WITHIN_S)
        await self.close(code, reason)

    async def _accept(self) -> None:
        await self.accept(PROTOCOL if PROTOCOL in self.scope["subprotocols"] else None)

    def _leave(self) -> None:
        self.hub.sockets -= 1
        if self.sender is not None:
            self.sender.cancel()
        if self.caller:
            self.hub.forget_caller(self.caller)
        if self.watch is not None and self.subject is not None:
            self.hub.leave(self.subject, self.credential, self.watch)
