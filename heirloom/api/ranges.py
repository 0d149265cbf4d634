"""Answers of a whole file, or of the part that was asked for (RFC 9110, section 14): players and fetchers seek."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

_ASKED = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Readable:
    """A file to be answered. read: gives the bytes from one place up to another."""

    size_bytes: int
    read: Callable[[int, int], Iterator[bytes]]


def answer(request: HttpRequest, file: Readable, *, content_type: str) -> HttpResponseBase:
    """Return the file, or the one range of it that the request names; nobody on the way may store it."""
    asked = _asked(request.headers.get("Range", ""), file.size_bytes)
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store", "Content-Type": content_type}
    if asked is None:
        start, stop, status = 0, file.size_bytes, 200
    else:
        start, stop, status = *asked, 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size_bytes}"
    if start >= stop and asked is not None:
        headers["Content-Range"] = f"bytes */{file.size_bytes}"
        return HttpResponse(status=416, headers=headers)
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    return StreamingHttpResponse(_taken(request, file.read(start, stop)), status=status, headers=headers)


def streamed(request: HttpRequest, chunks: Iterator[bytes], *, content_type: str, filename: str) -> HttpResponseBase:
    """Return a file to be saved whose length nobody knows before it is made; nobody on the way may store it."""
    headers = {
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Cache-Control": "private, no-store",
    }
    return StreamingHttpResponse(_taken(request, chunks), headers=headers)


def _taken(request: HttpRequest, chunks: Iterator[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
    return _one_by_one(chunks) if isinstance(request, ASGIRequest) else chunks


def _asked(header: str, size: int) -> tuple[int, int] | None:
    """Return from where up to where is asked for; None for all, as for several ranges and for what is not understood.

    A range beyond the end of the file is empty.
    """
    found = _ASKED.fullmatch(header.strip())
    if found is None or found.group(1, 2) == ("", ""):
        return None
    if not found[1]:
        start, last = max(0, size - int(found[2])), size - 1
    else:
        start, last = int(found[1]), int(found[2]) if found[2] else size - 1
        if last < start and found[2]:
            return None
    return start, min(last + 1, size)


async def _one_by_one(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Give the chunks as the other side takes them: Django itself would first read all of them into memory."""
    taken = sync_to_async(lambda: next(chunks, None))
    while (chunk := await taken()) is not None:
        yield chunk
