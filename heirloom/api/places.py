"""How many calls compute at once in one web process, and who waits for a place.

Under ASGI Django gives each request a thread of its own, as many as come, so nothing else bounds them; what runs short
first are the connections to the database, which a call that computes holds until it is answered.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from heirloom.errors import Refusal

WAIT_S = 5.0
# Behind each that computes so many may wait; whoever comes after them is told at once.
IN_LINE = 4


class Places:
    """A number of places, and a line for them that is short in length and in time."""

    def __init__(self, count: int, *, wait_s: float = WAIT_S) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._line = threading.BoundedSemaphore(count * IN_LINE)
        self._wait_s = wait_s

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place; raises Refusal "busy" when none gets free in time."""
        if not (self._free.acquire(blocking=False) or self._waited()):
            raise Refusal("busy")
        try:
            yield
        finally:
            self._free.release()

    def _waited(self) -> bool:
        if not self._line.acquire(blocking=False):
            return False
        try:
            # Who only waits must not keep a connection from those who read.
            if not connection.in_atomic_block:
                connection.close()
            return self._free.acquire(timeout=self._wait_s)
        finally:
            self._line.release()


@cache
def places() -> Places:
    return Places(settings.COMPUTE_AT_ONCE)


class Computing(APIView):
    """A view whose requests compute while they are answered: each holds a place from before its body is read."""

    also_refuses = ("busy",)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self._place:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self._place.enter_context(places().one())
