"""Bodies in: counted before anything is built of them, and without what neither database nor answer could hold."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from heirloom import bounded_json
from heirloom.api.routes import ORDINARY_ITEMS, route_of
from heirloom.bounded_json import TooManyItemsError, UnreadableError
from heirloom.errors import Refusal


class JSONParser(parsers.BaseParser):
    """JSON in UTF-8 of as many items as its route takes, of bounded depth and without what PostgreSQL cannot store.

    No kind of the framework's own parser, of whose bodies the framework keeps a copy.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        request = (parser_context or {}).get("request")
        most = route_of(request.path_info if request else "").items
        return read_json(stream.read(), most_items=most)


class MultiPartParser(parsers.MultiPartParser):
    """A form with files. Django bounds its fields, its files and their headers; the door before it bounds its parts."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except (TooManyFieldsSent, TooManyFilesSent) as error:
            raise Refusal("too_many_items") from error
        except RequestDataTooBig as error:
            raise Refusal("too_many_bytes", "The fields of the form are too long.") from error


def read_json(data: bytes, *, most_items: int) -> Any:
    """Return what a body says. Raises Refusal "too_many_items" and ParseError."""
    try:
        return bounded_json.read(data, most_items=most_items)
    except TooManyItemsError as error:
        raise Refusal("too_many_items") from error
    except UnreadableError as error:
        raise ParseError(str(error)) from error


def read_field(text: str) -> Any:
    """Return what a field of a form says in JSON; raises as `read_json` does."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ParseError("Text may not hold unpaired surrogates.") from error
    return read_json(data, most_items=ORDINARY_ITEMS)


def refuse_unstorable(value: Any) -> None:
    """Raise ParseError if anything in a value of a form cannot be stored, or it is nested too deeply."""
    try:
        bounded_json.refuse_unstorable(value)
    except UnreadableError as error:
        raise ParseError(str(error)) from error
