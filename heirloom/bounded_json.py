"""JSON from outside (RFC 8259), counted before anything is built of it.

45 megabytes of `[],` are 15 million lists: a gigabyte, and the interpreter held for many seconds. So what stands
between the strings is counted first, a memory search from quotation mark to quotation mark, and long strings are cut
out and decoded one by one: a photo in base64 costs a copy of its bytes, and no other thread waits long for it.
"""

import json
import math
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

DEEPEST = 32
"""Containers within each other: deep enough for any metadata."""
LONGEST_NUMBER = 100
"""Characters of a number; no field takes one of half of that."""
LONGEST_NAME = 256
"""Characters of a name in an object."""
LONG_STRING_BYTES = 64 * 1024
# Python lets go of other threads between two calls only, so none of them looks at more than this.
STEP_BYTES = 256 * 1024
# Between strings: what an item takes with its number and the blank space before it, and what any document may take.
ITEM_BYTES, ANY_BYTES = 256, 64 * 1024
_OPENING, _CLOSING = b"[{", b"]}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_OPENING + _CLOSING))
_LONG_NUMBER = re.compile(rb"[-+.0-9eE]{%d}" % (LONGEST_NUMBER + 1))
_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableError(ValueError):
    """This is no JSON that is taken here; its text says why, in words for whoever sent it."""


class TooManyItemsError(ValueError):
    """There are more names and values than are taken."""


@dataclass(slots=True)
class _Count:
    """How many items and bytes between strings may still come, and how deep the reader stands."""

    left: int
    bytes_left: int
    depth: int = 0

    def take(self, items: int) -> None:
        self.left -= items
        if self.left < 0:
            raise TooManyItemsError

    def look_at(self, between: bytes) -> None:
        """Count what stands outside of strings: a comma is followed by a value, a bracket is one."""
        for bracket in between.translate(None, _NOT_BRACKETS):
            self.depth += 1 if bracket in _OPENING else -1
            if self.depth > DEEPEST:
                raise UnreadableError("The JSON is nested too deeply.")
        self.take(between.count(b",") + between.count(b"[") + between.count(b"{"))
        self.bytes_left -= len(between)
        if self.bytes_left < 0:
            raise UnreadableError("The JSON holds too much blank space.")
        if len(between) > LONGEST_NUMBER and _LONG_NUMBER.search(between):
            raise UnreadableError("The JSON holds a number that is too long.")


@dataclass(slots=True)
class _Cut:
    """A document whose long strings were cut out: its pieces, with marks where those stood that nobody can guess."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    pieces: list[bytes] = field(default_factory=list)
    long: dict[str, str] = field(default_factory=dict)

    def take_out(self, text: str) -> None:
        mark = f"{self.nonce}{len(self.long)}"
        self.long[mark] = text
        self.pieces.append(mark.encode())


def read(data: bytes, *, most_items: int) -> Any:
    """Return what a document in UTF-8 says. most_items: names, values and escaped quotation marks, all together.

    Raises TooManyItemsError; UnreadableError for what is no JSON, for numbers that are too long or not finite, for a
    name that stands twice, for names and nesting beyond the limits above, and for text that PostgreSQL cannot store.
    """
    cut = _cut(data, most_items)
    try:
        value = json.loads(
            b"".join(cut.pieces).decode(), parse_constant=_no_constant, object_pairs_hook=_object_of_pairs
        )
    except UnreadableError:
        raise
    except RecursionError:
        raise UnreadableError("The JSON is nested too deeply.") from None
    except ValueError as error:
        raise UnreadableError(f"This is not JSON: {error}") from None
    if cut.long:
        value = _put_back(value, cut.long)
    refuse_unstorable(value)
    return value


def refuse_unstorable(value: Any, depth: int = 0) -> None:
    """Raise UnreadableError if anything in the value cannot be stored, or it is nested too deeply."""
    if depth > DEEPEST:
        raise UnreadableError("The JSON is nested too deeply.")
    if isinstance(value, str):
        _refuse_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UnreadableError("The JSON holds a number that is too large.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _refuse_text(str(name))
            refuse_unstorable(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            refuse_unstorable(inner, depth + 1)


def _cut(data: bytes, most_items: int) -> _Cut:
    """Count a document from string to string, and cut its long strings out."""
    count, cut, at, kept_from = _Count(most_items + 1, ANY_BYTES + ITEM_BYTES * most_items), _Cut(), 0, 0
    while (begins := data.find(b'"', at)) >= 0:
        _look_between(count, data, at, begins)
        count.take(1)
        ends = _end_of_string(data, begins + 1, count)
        if ends - begins > LONG_STRING_BYTES and (text := _plain(data[begins + 1 : ends])) is not None:
            cut.pieces.append(data[kept_from : begins + 1])
            cut.take_out(text)
            kept_from = ends
        at = ends + 1
    _look_between(count, data, at, len(data))
    cut.pieces.append(data[kept_from:])
    return cut


def _look_between(count: _Count, data: bytes, start: int, stop: int) -> None:
    """Count in steps; a number that lies across two of them may have twice the characters."""
    for at in range(start, stop, STEP_BYTES):
        count.look_at(data[at : min(at + STEP_BYTES, stop)])


def _end_of_string(data: bytes, at: int, count: _Count) -> int:
    """Return where the quotation mark is that ends the string whose first character is at a place."""
    while (ends := data.find(b'"', at)) >= 0:
        slashes = ends
        while slashes > at and data[slashes - 1] == ord("\\"):
            slashes -= 1
            if ends - slashes > LONGEST_NAME:
                raise UnreadableError("The JSON holds a long row of backslashes.")
        if (ends - slashes) % 2 == 0:
            return ends
        count.take(1)
        at = ends + 1
    raise UnreadableError("This is not JSON: a string is not closed.")


def _plain(string: bytes) -> str | None:
    """Return a string without escapes and line breaks as text; None for one that the reader of all JSON must judge."""
    if any(string.find(mark) >= 0 for mark in (b"\\", b"\n", b"\r", b"\t", b"\0")):
        return None
    try:
        return string.decode()
    except UnicodeDecodeError:
        return None


def _put_back(value: Any, long: dict[str, str]) -> Any:
    if isinstance(value, str):
        return long.get(value, value)
    if isinstance(value, dict):
        return {name: _put_back(inner, long) for name, inner in value.items()}
    return [_put_back(inner, long) for inner in value] if isinstance(value, list) else value


def _object_of_pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; where a name stands twice, two readers on the way could each take another of the two."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnreadableError("The JSON names something twice in one object.")
    if any(len(name) > LONGEST_NAME for name in found):
        raise UnreadableError(f"The JSON holds a name of more than {LONGEST_NAME} characters.")
    return found


def _no_constant(name: str) -> float:
    raise UnreadableError(f"The JSON holds {name}, which is no number.")


def _refuse_text(text: str) -> None:
    if "\0" in text:
        raise UnreadableError("Text may not hold NUL characters.")
    if not text.isascii() and _SURROGATE.search(text):
        raise UnreadableError("Text may not hold unpaired surrogates.")
