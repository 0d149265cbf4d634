"""The id that follows a request: from the caller through the web process and its answer to the jobs it leaves.

A caller may bring one, in the header X-Request-ID, as a UUID or the 32 hexadecimal digits of a trace (W3C Trace
Context). Any other would bring words of somebody's choice into the logs, and gets a new one.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-ID"
NONE = "-"
_FORM = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")
_current: ContextVar[str] = ContextVar("heirloom.request_id", default=NONE)


def current() -> str:
    """Return the id of the request that is being served, or that left the job being done; "-" outside of both."""
    return _current.get()


def taken(brought: str) -> str:
    """Return the id that a caller brought, if it is one, else a new one."""
    return brought.lower() if _FORM.fullmatch(brought) else str(uuid.uuid4())


@contextmanager
def carried(request_id: str) -> Iterator[None]:
    """Let everything within the block be told under this id; "": under none."""
    token = _current.set(request_id or NONE)
    try:
        yield
    finally:
        _current.reset(token)
