"""How our logs write: each line with the id of its request, and nothing that a row held or somebody typed, of a
database's errors as of addresses.
"""

import logging
from types import TracebackType

import psycopg
from django.db import Error as DjangoDatabaseError

from heirloom import request_ids

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Line(logging.Formatter):
    """Writes tracebacks without what PostgreSQL adds to its errors: DETAIL has whole rows, messages quote values."""

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_ids.current()
        return super().format(record)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's own name
        text = super().formatException(ei)
        for error in _chain(ei[1]):
            if isinstance(error, psycopg.Error | DjangoDatabaseError) and (said := str(error)):
                text = text.replace(said, said.splitlines()[0].partition(': "')[0])
        return text


class Routes(logging.Filter):
    """Names the route of a request in place of its address, which may hold a person's number or a link's secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        path = getattr(getattr(record, "request", None), "path", "")
        if path and isinstance(record.args, tuple):
            written = (path, path.encode("unicode_escape").decode())
            record.args = tuple(self._route(record) if given in written else given for given in record.args)
        return True

    @staticmethod
    def _route(record: logging.LogRecord) -> str:
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        return f"/{match.route}" if match else "an address that leads nowhere"


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return an error with all that it came from, as a traceback tells them."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in found:
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return found
