"""Bodies in; what neither the database nor an answer could hold is refused here, once, for every field."""

import math
from collections.abc import Mapping
from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError

# Deep enough for any metadata; the decoder itself gives up near Python's limit of recursion.
DEEPEST = 32


class JSONParser(parsers.JSONParser):
    """JSON of bounded depth and without what PostgreSQL cannot store: NUL, unpaired surrogates, infinite numbers."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            parsed = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        refuse_unstorable(parsed)
        return parsed


def refuse_unstorable(value: Any, depth: int = 0) -> None:
    """Raise ParseError if anything in the value cannot be stored, or it is nested too deeply."""
    if depth > DEEPEST:
        raise ParseError("The JSON is nested too deeply.")
    if isinstance(value, str):
        _refuse_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ParseError("The JSON holds a number that is too large.")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _refuse_text(str(name))
            refuse_unstorable(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            refuse_unstorable(inner, depth + 1)


def _refuse_text(text: str) -> None:
    if "\0" in text:
        raise ParseError("Text may not hold NUL characters.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("Text may not hold unpaired surrogates.")
