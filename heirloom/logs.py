"""How our logs write: of a database's error its kind alone, for the rest repeats the values of the row."""

import logging
from types import TracebackType

import psycopg
from django.db import Error as DjangoDatabaseError

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Line(logging.Formatter):
    """Writes tracebacks without what PostgreSQL adds to its errors: DETAIL has whole rows, messages quote values."""

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's own name
        text = super().formatException(ei)
        for error in _chain(ei[1]):
            if isinstance(error, psycopg.Error | DjangoDatabaseError) and (said := str(error)):
                text = text.replace(said, said.splitlines()[0].partition(': "')[0])
        return text


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
