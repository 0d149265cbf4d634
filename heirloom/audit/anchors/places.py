"""Where anchors are written, each place by its setting. All of them can be configured at once."""

import asyncio
import fcntl
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import httpx
from django.conf import settings

from heirloom.audit.anchors.anchor import ANSWERS_WITHIN_S, Anchor, AnchorFailedError, Fault
from heirloom.audit.anchors.buckets import ALIAS, Bucket


class Place(Protocol):
    """Raises AnchorFailedError; each has a deadline of its own."""

    name: str

    def write(self, anchor: Anchor) -> None: ...

    def read(self) -> Iterator[Anchor | None]:
        """Yield what it keeps, oldest first or in any order; None for what is no anchor."""
        ...


def configured() -> list[Place]:
    """Return the places of this installation."""
    places: list[Place] = []
    if settings.AUDIT_ANCHOR_FILE:
        places.append(File(Path(settings.AUDIT_ANCHOR_FILE)))
    if settings.AUDIT_ANCHOR_URL:
        places.append(Webhook(settings.AUDIT_ANCHOR_URL, settings.AUDIT_ANCHOR_TOKEN))
    if ALIAS in settings.STORAGES:
        places.append(Bucket(settings.AUDIT_ANCHOR_RETAIN_DAYS))
    return places


class File:
    """A file that is only ever appended to: on another disk, another machine's share, or one with `chattr +a`."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, anchor: Anchor) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(self._after_half_a_line(file) + anchor.dump().encode() + b"\n")
                os.fsync(file.fileno())
        except OSError:
            raise AnchorFailedError(Fault.NOT_WRITTEN) from None

    @staticmethod
    def _after_half_a_line(file: io.FileIO) -> bytes:
        """Return what ends a line that was cut off by a crash, so that it spoils none but itself."""
        if not file.seek(0, os.SEEK_END):
            return b""
        file.seek(-1, os.SEEK_END)
        return b"" if file.read(1) == b"\n" else b"\n"

    def read(self) -> Iterator[Anchor | None]:
        try:
            with self._path.open(encoding="utf-8") as lines:
                for line in lines:
                    yield _parsed(line)
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError):
            raise AnchorFailedError(Fault.NOT_REACHED) from None


class Webhook:
    """An address that an operator names: it gets each anchor by POST, and keeps it. It is not asked for them."""

    name = "webhook"

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json", "User-Agent": "Heirloom-Anchors"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def write(self, anchor: Anchor) -> None:
        post(self._url, anchor.dump().encode(), self._headers)

    def read(self) -> Iterator[Anchor | None]:
        yield from ()


def post(url: str, body: bytes, headers: dict[str, str], most_bytes: int = 0) -> bytes:
    """Send a body and return what was answered, up to `most_bytes`; no redirects, no proxy of the environment.

    Raises AnchorFailedError within ANSWERS_WITHIN_S, however slowly the other side answers.
    """
    try:
        return asyncio.run(_posted(url, body, headers, most_bytes))
    except TimeoutError:
        raise AnchorFailedError(Fault.TIMED_OUT) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        raise AnchorFailedError(Fault.NOT_REACHED) from None


async def _posted(url: str, body: bytes, headers: dict[str, str], most_bytes: int) -> bytes:
    read = b""
    async with (
        asyncio.timeout(ANSWERS_WITHIN_S),
        httpx.AsyncClient(timeout=ANSWERS_WITHIN_S, trust_env=False, follow_redirects=False) as client,
        client.stream("POST", url, content=body, headers=headers) as answer,
    ):
        if not 200 <= answer.status_code < 300:
            raise AnchorFailedError(Fault.REFUSED)
        if most_bytes:
            async for chunk in answer.aiter_bytes():
                read += chunk
                if len(read) > most_bytes:
                    raise AnchorFailedError(Fault.NOT_UNDERSTOOD)
    return read


def _parsed(line: str) -> Anchor | None:
    try:
        return Anchor.parse(line)
    except ValueError:
        return None
