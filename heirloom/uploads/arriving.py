"""Bodies that a view reads while they arrive.

Django spools a whole body before any view runs, so of a transfer that breaks off nothing would be left. Here Django is
given an empty body and the view a live one, behind the same authentication, limits and errors as everywhere.
"""

import asyncio
import concurrent.futures
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

from django.db import connection
from rest_framework.request import Request

from heirloom.api.body_limits import App, Message, Receive, Send, TooManyBytesError, TooSlowError
from heirloom.errors import Refusal

CONTENT_TYPE = "application/offset+octet-stream"
# How much of a body is in memory at a time, in chunks: buffers as large as a piece would leave the memory in tatters.
PIECE_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
# What a slow caller sent is handed on after so long, or a server that is killed or stopped would lose it.
HELD_FOR_S = 2.0
# A caller that sends nothing for so long has lost its connection, whatever rate it had before.
REST_S = 30.0
# Of a body that nobody wanted, so much is read on before the answer: a caller that is still sending may not hear one.
UNWANTED_BYTES = 1024 * 1024
UNWANTED_S = 2.0
SCOPE_KEY = "heirloom.body"
Piece = Sequence[bytes]


class BrokenOffError(Exception):
    """The caller hung up before the end of its body."""


class ArrivingBody:
    """A body under way: its messages are gathered on the event loop, its pieces taken by the thread of the view."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, *, is_held_back: bool) -> None:
        self._receive = receive
        self._loop = loop
        self._is_held_back = is_held_back
        self._held: list[bytes] = []
        self._last = bytearray()
        self._held_bytes = 0
        self._whole = False
        self._fault: Exception | None = None
        self._awaited: concurrent.futures.Future[None] | None = None
        self._is_told = False
        self._is_resting = False
        self._rests_until = 0.0

    def pieces(self) -> Iterator[Piece]:
        """Give the body in pieces of about PIECE_BYTES, each some chunks of bytes.

        What came before a break is given before the break is told.

        Raises BrokenOffError, and Refusal "upload_too_slow" or "too_many_bytes".
        """
        while not self._is_over:
            self._await_piece()
            if self._held_bytes:
                yield self._taken()
        if isinstance(self._fault, TooSlowError):
            raise Refusal("upload_too_slow") from self._fault
        if isinstance(self._fault, TooManyBytesError):
            raise Refusal("too_many_bytes") from self._fault
        if self._fault is not None:
            raise self._fault

    def abandon(self) -> None:
        """Let go of whoever waits for the body: the request has ended, or the server is stopping."""
        self._fault = self._fault or (None if self._whole else BrokenOffError())
        if self._awaited is not None:
            self._awaited.cancel()

    async def instead(self) -> Message:
        """Tell Django that the body is empty; then stay silent, for hanging up is seen by whoever reads the body."""
        if self._is_told:
            await asyncio.Future()
        self._is_told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    def answering(self, send: Send) -> Send:
        """Return a `send` that ends the connection if a body is still under way when its answer begins."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not self._whole:
                await self._skip()
                if not self._whole:
                    message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        return answer

    @property
    def _is_over(self) -> bool:
        return self._whole or self._fault is not None

    def _await_piece(self) -> None:
        if not connection.in_atomic_block:
            # Whoever waits for a caller keeps no connection of the pool from the others.
            connection.close()
        self._awaited = asyncio.run_coroutine_threadsafe(self._gather(), self._loop)
        try:
            self._awaited.result()
        except concurrent.futures.CancelledError:
            self._fault = self._fault or BrokenOffError()

    def _taken(self) -> Piece:
        taken = [*self._held, bytes(self._last)]
        self._held, self._held_bytes = [], 0
        self._last.clear()
        return taken

    async def _gather(self) -> None:
        """Gather a piece: what comes until it is full, or a caller that is slow has waited long enough for it."""
        self._is_held_back = False
        hand_on_at = self._loop.time() + HELD_FOR_S
        if not self._is_resting:
            self._rests_until = self._loop.time() + REST_S
        while self._held_bytes < PIECE_BYTES and not self._is_over:
            until = min(self._rests_until, hand_on_at) if self._held_bytes else self._rests_until
            try:
                self._take(await asyncio.wait_for(self._receive(), until - self._loop.time()))
            except TimeoutError:
                self._is_resting = True
                if until == self._rests_until:
                    self._fault = TooSlowError()
                return
            except (TooSlowError, TooManyBytesError) as fault:
                self._fault = fault
            else:
                self._is_resting, self._rests_until = False, self._loop.time() + REST_S

    def _take(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self._fault = BrokenOffError()
            return
        self._last += message.get("body", b"")
        self._held_bytes += len(message.get("body", b""))
        if len(self._last) >= CHUNK_BYTES:
            self._held.append(bytes(self._last))
            self._last.clear()
        self._whole = not message.get("more_body", False)

    async def _skip(self) -> None:
        """Read on a little. A caller that holds its body back until it is asked for (100-continue) is not asked."""
        if self._is_held_back:
            return
        skipped = 0
        while skipped < UNWANTED_BYTES and not self._is_over:
            try:
                self._take(await asyncio.wait_for(self._receive(), UNWANTED_S))
            except (TimeoutError, TooSlowError, TooManyBytesError):
                return
            skipped += sum(map(len, self._taken()))


class ArrivingBodies:
    """ASGI: give the views of a path the bodies of CONTENT_TYPE as they arrive."""

    def __init__(self, app: App, *, path: re.Pattern[str]) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.path.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if headers.get(b"content-type", b"").lower() != CONTENT_TYPE.encode():
            await self.app(scope, receive, send)
            return
        body = ArrivingBody(receive, asyncio.get_running_loop(), is_held_back=b"expect" in headers)
        try:
            await self.app({**scope, SCOPE_KEY: body}, body.instead, body.answering(send))
        finally:
            body.abandon()


def pieces_of(request: Request) -> Iterator[Piece]:
    """Give the body of a request in pieces, as it arrives where the server can do that; raises as `pieces` does."""
    plain = request._request
    arriving = getattr(plain, "scope", {}).get(SCOPE_KEY)
    if isinstance(arriving, ArrivingBody):
        yield from arriving.pieces()
        return
    while chunk := plain.read(PIECE_BYTES):
        yield [chunk]
