"""A body on its way, message by message: what a view is given of it, and when it is told that no more comes."""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from heirloom.api.body_limits import BodyLimitMiddleware
from heirloom.errors import Refusal
from heirloom.uploads import arriving
from heirloom.uploads.arriving import CONTENT_TYPE, ArrivingBodies, ArrivingBody, BrokenOffError

HUNG_UP, RESTING = "hung up", "resting"
PATH = "/api/v1/uploads/x/"
pytestmark = pytest.mark.django_db


class Line:
    """A connection: chunks of a body that is whole after them, or HUNG_UP or RESTING at the end."""

    def __init__(self, *messages: Any) -> None:
        self.waiting = list(messages)
        self.read = bytearray()
        self.ended = "well"
        self.reads = True
        self.answers: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if self.waiting[0] == RESTING:
            await asyncio.Future()
        message = self.waiting.pop(0)
        if message == HUNG_UP:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": message, "more_body": bool(self.waiting)}

    async def send(self, message: Any) -> None:
        self.answers.append(message)

    def view(self, body: ArrivingBody) -> None:
        try:
            for piece in body.pieces():
                self.read.extend(b"".join(piece))
        except BrokenOffError:
            self.ended = "broken off"
        except Refusal as refusal:
            self.ended = refusal.code

    async def django(self, scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        if self.reads:
            await asyncio.to_thread(self.view, scope[arriving.SCOPE_KEY])
        await send({"type": "http.response.start", "status": 204, "headers": []})

    def pass_on(self, *, limit: int = 10**9) -> "Line":
        door = ArrivingBodies(self.django, path=re.compile(PATH))
        app = BodyLimitMiddleware(door, photo_bytes=limit, clip_bytes=limit)
        scope = {"type": "http", "path": PATH, "headers": [(b"content-type", CONTENT_TYPE.encode())]}
        asyncio.run(app(scope, self.receive, self.send))
        return self

    @property
    def is_kept(self) -> bool:
        return (b"connection", b"close") not in self.answers[0]["headers"]


def given(*messages: Any, **options: Any) -> tuple[bytes, str, bool]:
    """Return what a view reads, how that ends, and whether the connection is kept."""
    line = Line(*messages).pass_on(**options)
    return bytes(line.read), line.ended, line.is_kept


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "REST_S", 0.3)
    monkeypatch.setattr(arriving, "UNWANTED_S", 0.1)


def test_a_whole_body_is_given_in_order() -> None:
    assert given(b"a", b"", b"b" * 100_000, b"c") == (b"a" + b"b" * 100_000 + b"c", "well", True)
    assert given(b"") == (b"", "well", True)


def test_what_came_before_the_caller_hung_up_is_given() -> None:
    assert given(b"abc", b"de", HUNG_UP)[:2] == (b"abcde", "broken off")


def test_a_caller_that_rests_has_lost_its_line() -> None:
    assert given(b"abc", b"de", RESTING) == (b"abcde", "upload_too_slow", False)


def test_what_a_slow_caller_sent_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "HELD_FOR_S", 0.05)
    line = Line(b"abc", RESTING)
    handed_at: list[float] = []

    def noting(body: ArrivingBody) -> Any:
        handed_at.append(time.monotonic())
        return taken(body)

    taken = ArrivingBody._taken
    monkeypatch.setattr(ArrivingBody, "_taken", noting)
    line.pass_on()
    assert (bytes(line.read), line.ended) == (b"abc", "upload_too_slow")
    assert time.monotonic() - handed_at[0] > arriving.REST_S / 2


def test_more_than_the_route_takes_is_not_read() -> None:
    assert given(b"x" * 400, b"y" * 400, b"z" * 400, b"", limit=1000) == (
        b"x" * 400 + b"y" * 400,
        "too_many_bytes",
        False,
    )


@pytest.mark.parametrize(
    ("rest", "is_kept"), [([b"a", b"b"], True), ([b"a", RESTING], False), ([b"x" * arriving.UNWANTED_BYTES] * 3, False)]
)
def test_an_unread_body_is_skipped_or_ends_the_connection(rest: list[Any], is_kept: bool) -> None:
    line = Line(*rest)
    line.reads = False
    assert line.pass_on().is_kept is is_kept


def test_pieces_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "PIECE_BYTES", 1000)
    sizes: list[int] = []
    taken: Callable[[ArrivingBody], Any] = ArrivingBody._taken

    def noted(body: ArrivingBody) -> Any:
        piece = taken(body)
        sizes.append(sum(map(len, piece)))
        return piece

    monkeypatch.setattr(ArrivingBody, "_taken", noted)
    assert len(given(*[b"x" * 300] * 20)[0]) == 6000
    assert max(sizes) <= 1000 + 300
