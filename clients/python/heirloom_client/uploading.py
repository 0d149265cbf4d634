"""Resumable uploads: tus 1.0 with creation, checksum, and going on from where it broke off."""

import base64
import hashlib
import os
from collections.abc import Callable
from typing import BinaryIO

import httpx

from heirloom_client.answers import Upload
from heirloom_client.core import Call, Flow, Pause, Session
from heirloom_client.errors import HeirloomError, NotConnectedError, UnexpectedAnswerError, UploadBrokenError, error_of

CHUNK_BYTES = 8 * 1024 * 1024
VERSION = {"Tus-Resumable": "1.0.0"}
# Statuses after which the server is asked where to go on: an offset that was wrong, a piece that came damaged,
# another request at the same upload, a server that is busy or away.
GO_ON_AFTER = {409, 423, 429, 460, 500, 502, 503, 504}
Progress = Callable[[int, int], None]


def upload(
    session: Session, file: BinaryIO, *, name: str, known: str | None, chunk_bytes: int, progress: Progress | None
) -> Flow[Upload]:
    """Send a file, or what is still missing of a known upload."""
    size = file.seek(0, os.SEEK_END)
    if known is None:
        made = Upload((yield from _begin(session, size, name)), size, 0)
    else:
        made = yield from _look(session, known)
        if made.size_bytes != size:
            raise ValueError(f"The upload is of {made.size_bytes} bytes, the file has {size}.")
    failures = 0
    while not made.is_whole:
        failure, offset = yield from _send(session, made, file, chunk_bytes)
        if failure is None:
            made, failures = Upload(made.id, size, offset), 0
        else:
            if failures >= session.retries.most:
                raise UploadBrokenError(made.id, failure) from failure
            yield Pause(session.retries.after(failure, failures) or session.retries.pause(failures))
            try:
                now = yield from _look(session, made.id)
            except NotConnectedError as gone:
                raise UploadBrokenError(made.id, gone) from gone
            # A break that let bytes through is no failure in a row.
            made, failures = now, 0 if now.offset > made.offset else failures + 1
        if progress is not None:
            progress(made.offset, size)
    return made


def _begin(session: Session, size: int, name: str) -> Flow[str]:
    told = base64.b64encode(name.encode()).decode()
    headers = {**VERSION, "Upload-Length": str(size), "Upload-Metadata": f"filename {told}"}
    response = yield from session.call(Call("POST", "uploads/", headers=headers))
    made = response.headers.get("Location", "").rstrip("/").rpartition("/")[2]
    if not made:
        raise UnexpectedAnswerError("No Location came for the upload.")
    return str(made)


def _look(session: Session, upload_id: str) -> Flow[Upload]:
    """Ask how much of an upload is there."""
    response = yield from session.call(Call("HEAD", f"uploads/{upload_id}/", headers=VERSION))
    return Upload(upload_id, _number(response, "Upload-Length"), _number(response, "Upload-Offset"))


def _send(session: Session, made: Upload, file: BinaryIO, chunk_bytes: int) -> Flow[tuple[HeirloomError | None, int]]:
    """Send one piece; return how much is there then, or what stopped it.

    Raises ApiError for what going on would not mend.
    """
    file.seek(made.offset)
    piece = file.read(chunk_bytes)
    if not piece:
        raise ValueError(f"The file ends at {made.offset} bytes; it has become shorter.")
    digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
    headers = {
        **VERSION,
        "Upload-Offset": str(made.offset),
        "Upload-Checksum": f"sha256 {digest}",
        "Content-Type": "application/offset+octet-stream",
    }
    call = Call("PATCH", f"uploads/{made.id}/", content=piece, headers=headers)
    try:
        response: httpx.Response = yield from session.once(call)
    except httpx.TransportError as broken:
        return NotConnectedError(f"PATCH {call.path}: {broken}"), made.offset
    if response.is_success:
        return None, _number(response, "Upload-Offset")
    error = error_of(response)
    if response.status_code in GO_ON_AFTER:
        return error, made.offset
    raise error


def _number(response: httpx.Response, header: str) -> int:
    try:
        return int(response.headers[header])
    except (KeyError, ValueError) as error:
        raise UnexpectedAnswerError(f"No {header} came for the upload.") from error
