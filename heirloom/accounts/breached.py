"""Passwords that are known from breaches, looked up in a list on this machine: nothing of a password leaves it."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

LONGEST_LINE = 64
"""40 letters of the hash, and how often it was found."""


def is_known(password: str, path: Path) -> bool:
    """Say whether the SHA-1 of a password stands in a sorted list of Have I Been Pwned, one in hex a line.

    Takes some thirty reads of a list of a billion lines. Raises OSError.
    """
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    low, high = 0, path.stat().st_size
    with path.open("rb") as lines:
        while low < high:
            middle = (low + high) // 2
            start, line = _line_at(lines, middle)
            found = line[:40].upper()
            if found == wanted:
                return True
            if found < wanted:
                low = start + len(line)
            else:
                high = start
    return False


def _line_at(lines: Any, place: int) -> tuple[int, bytes]:
    """Return the line that a place lies in, and where it begins."""
    before = max(0, place - LONGEST_LINE)
    lines.seek(before)
    part = lines.read(place - before)
    start = before + part.rfind(b"\n") + 1
    lines.seek(start)
    return start, lines.readline(LONGEST_LINE * 2)


class BreachedPasswordValidator:
    """Refuses what stands in BREACHED_PASSWORDS_FILE. A list that is named and cannot be read refuses everything."""

    def validate(self, password: str, user: Any = None) -> None:
        if not settings.BREACHED_PASSWORDS_FILE:
            return
        try:
            known = is_known(password, Path(settings.BREACHED_PASSWORDS_FILE))
        except OSError as error:
            raise ValidationError(
                "Whether this password is known from a breach cannot be looked up now. An operator can run doctor.",
                code="breach_list_unreadable",
            ) from error
        if known:
            raise ValidationError(
                "This password is known from a breach, so it is among the first that are tried. Choose another.",
                code="breached",
            )

    def get_help_text(self) -> str:
        return "Your password may not be one that is known from a breach."
