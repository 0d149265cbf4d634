"""Connections of the web server: none rests for ever, and there are no more than a process can hold.

uvicorn and gunicorn wait without end for the head of a request, and for whoever takes nothing of an answer. Here the
whole head must have come within WEB_HEAD_S of its first byte, or of the connection's beginning; an answer of which too
little is taken for WEB_TAKEN_S ends its connection; and where WEB_CONNECTIONS are open, a new one takes the place of
the one that has waited longest for its head, never of one with a request under way.
"""

import asyncio
import contextlib
import resource
from asyncio import TimerHandle
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol  # type: ignore[import-untyped]
from gunicorn.workers import gasgi  # type: ignore[import-untyped]
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from heirloom import settings

# Of a request's head: gunicorn's own limits (8 KB for a line, 100 fields), and what they come to.
LONGEST_LINE, MOST_FIELDS, MOST_HEAD_BYTES = 8190, 100, 64 * 1024
# Around a body in chunks: lengths, extensions and trailers. A chunk of one byte has five around it.
FRAMING_BYTES, FRAMING_RATIO = 64 * 1024, 8
# Descriptors of a process that are no connections of clients: database, files, pipes.
OTHER_DESCRIPTORS = 256
_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class TooMuchFramingError(Exception):
    """The head is made of more than any of ours."""


class Open:
    """The open connections of this process; those that wait for a head, the longest first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.all: set[Bounded] = set()
        self.waiting: dict[Bounded, None] = {}

    def make_room(self) -> bool:
        """Say whether there is a place for one more, after ending the one that waits longest where all are taken."""
        if len(self.all) < self.most:
            return True
        longest = next(iter(self.waiting), None)
        if longest is not None:
            longest.end()
        return longest is not None


def _most_connections() -> int:
    """Return how many connections the process can hold; it may open as many files as its user lets it, at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.WEB_CONNECTIONS + OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return settings.WEB_CONNECTIONS if soft == resource.RLIM_INFINITY else min(wanted, soft) - OTHER_DESCRIPTORS


connections = Open(_most_connections())


class Bounded(asyncio.Protocol):
    """What both servers' protocols are held to; to be named before theirs among the bases."""

    transport: Any
    _is_made = False
    _head_timer: TimerHandle | None = None
    _taken_timer: TimerHandle | None = None
    _head_bytes = 0

    @property
    def awaits_head(self) -> bool:
        """Whether no request is under way on the connection."""
        raise NotImplementedError

    def connection_made(self, transport: Any) -> None:
        if not connections.make_room():
            self.transport = transport
            transport.write(_FULL)
            transport.abort()
            return
        connections.all.add(self)
        self._is_made = True
        super().connection_made(transport)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self.let_go()
        if self._is_made:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self not in connections.all or self.transport.is_closing():
            return
        if self.awaits_head and self._head_timer is None:
            self._begin_head()
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.end(_LARGE)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_unless_taken()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._is_taken()

    def head_is_whole(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_timer, self._head_bytes = None, 0
        connections.waiting.pop(self, None)

    def end(self, answer: bytes = b"") -> None:
        """End the connection at once, whatever of it waits to be taken."""
        if answer and not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
            self._end_unless_taken()
        else:
            self.transport.abort()
        self.head_is_whole()
        connections.all.discard(self)

    def rest(self) -> None:
        """Count it among those that wait, though their next head may begin later."""
        connections.waiting[self] = None

    def let_go(self) -> None:
        """Count it no more: it is lost, or another protocol has it."""
        self.head_is_whole()
        self._is_taken()
        connections.all.discard(self)

    def _begin_head(self) -> None:
        self.rest()
        self._head_timer = asyncio.get_running_loop().call_later(settings.WEB_HEAD_S, self.end, _LATE)

    def _end_unless_taken(self) -> None:
        if self._taken_timer is None:
            self._taken_timer = asyncio.get_running_loop().call_later(settings.WEB_TAKEN_S, self.transport.abort)

    def _is_taken(self) -> None:
        if self._taken_timer is not None:
            self._taken_timer.cancel()
        self._taken_timer = None


class UvicornConnection(Bounded, HttpToolsProtocol):
    """For `uvicorn --http`. Its parser bounds nothing of a head."""

    _fields = _framing = _body = 0

    @property
    def awaits_head(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        self._framing += len(data)
        super().data_received(data)
        if not self.awaits_head and self._framing > FRAMING_BYTES + FRAMING_RATIO * self._body:
            self.end()

    def on_message_begin(self) -> None:
        self._fields = self._framing = self._body = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > LONGEST_LINE:
            raise TooMuchFramingError

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        if self._fields > MOST_FIELDS or len(name) + len(value) > LONGEST_LINE:
            raise TooMuchFramingError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.head_is_whole()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        self._framing -= len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._end_unless_taken()
        elif self.awaits_head:
            self.rest()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._end_unless_taken()

    def handle_websocket_upgrade(self) -> None:
        self.let_go()
        super().handle_websocket_upgrade()


class GunicornConnection(Bounded, ASGIProtocol):  # type: ignore[misc]
    """For the worker below; gunicorn itself bounds lines and fields, and what stands around chunks."""

    @property
    def awaits_head(self) -> bool:
        return self._current_request is None and self._websocket is None

    def _on_headers_complete(self) -> Any:
        self.head_is_whole()
        return super()._on_headers_complete()

    def _close_transport(self) -> None:
        super()._close_transport()
        if self in connections.all:
            self._end_unless_taken()


class GunicornWorker(gasgi.ASGIWorker):  # type: ignore[misc]
    """For `gunicorn --worker-class`: its connections are ours."""

    async def _serve(self) -> None:
        gasgi.ASGIProtocol = GunicornConnection  # the worker makes its connections by this name, and offers no other
        await super()._serve()
