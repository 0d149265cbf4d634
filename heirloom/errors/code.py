"""What stands behind one public code."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """The HTTP status, the plain words and the remedy behind one public code."""

    status: int
    text: str
    remedy: str
