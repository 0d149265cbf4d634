"""What a hostile file is, and what the external addresses in some of them point at."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ACCEPTED = "accepted"
NOTED = "clip_partly_read"
"""Accepted, with that note."""


@dataclass(frozen=True, slots=True)
class Bait:
    """What must not be touched: a file whose bytes must come out nowhere, and addresses where somebody listens."""

    canary: Path
    addresses: tuple[str, ...]

    @property
    def urls(self) -> tuple[str, ...]:
        return (*(f"http://{address}/x.mp4" for address in self.addresses), self.canary.as_uri(), str(self.canary))


@dataclass(frozen=True, slots=True)
class Hostile:
    """One file. name: as its sender calls it; meets: its code, or several where versions of a decoder may differ."""

    name: str
    data: bytes
    meets: tuple[str, ...]


Builder = Callable[[Bait], Iterable[Hostile]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of hostile files."""

    name: str
    about: str
    build: Builder


def all_meet(code: str, files: dict[str, bytes]) -> Iterator[Hostile]:
    """Give files that all meet the same code."""
    for name, data in files.items():
        yield Hostile(name, data, (code,))
