"""Captures: bytes in, encrypted at rest; and back as pixels for those who compute."""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from django.conf import settings

from enrollment.models import Capture, Person
from enrollment.services import transcoders
from heirloom.crypto import files
from heirloom.crypto.marks import marks
from heirloom.errors import Refusal
from heirloom.media.evidence import make_evidence
from heirloom.media.image import read_still
from heirloom.media.limits import Limits
from heirloom.media.sniff import sniff
from heirloom.media.transcode.base import Evidence
from heirloom.media.types import ClipFacts, Image, MediaType
from heirloom.media.video import frames, is_whole, probe

HEAD_BYTES = 4096
NO_MARKS: dict[str, Any] = {"bytes_mark": "", "looks_marks": [], "sha256": "", "perceptual_hashes": []}


@dataclass(frozen=True, slots=True)
class StoredCapture:
    """A received file that no row names yet."""

    id: uuid.UUID
    subject: uuid.UUID
    media_type: MediaType
    storage_name: str
    bytes_mark: str
    size_bytes: int


def limits() -> Limits:
    return Limits(
        max_image_bytes=settings.UPLOAD_MAX_PHOTO_BYTES,
        max_clip_bytes=settings.UPLOAD_MAX_CLIP_BYTES,
        max_clip_s=settings.UPLOAD_MAX_CLIP_SECONDS,
    )


def store(*, chunks: Iterable[bytes], subject: uuid.UUID | None = None) -> StoredCapture:
    """Check what a file is and write it encrypted, under the key of `subject` or of the capture itself.

    Raises Refusal "empty_file", "unsupported_format", "too_many_bytes" or "storage_unavailable".
    """
    capture_id = uuid.uuid4()
    head, whole = _with_head(chunks)
    media_type = sniff(head)
    most = settings.UPLOAD_MAX_PHOTO_BYTES if media_type.kind == Capture.Kind.PHOTO else settings.UPLOAD_MAX_CLIP_BYTES
    owner = subject or capture_id
    stored = files.write(subject=owner, name=f"captures/{capture_id}", chunks=at_most(most, whole))
    try:
        mark = marks().of_bytes(stored.sha256)
    except BaseException:
        files.delete(stored.name)
        raise
    return StoredCapture(capture_id, owner, media_type, stored.name, mark, stored.size)


@contextmanager
def stored(uploads: Iterable[Iterable[bytes]], *, subject: uuid.UUID | None = None) -> Iterator[list[StoredCapture]]:
    """Store several files; if the block that writes their rows fails, no file stays behind."""
    kept: list[StoredCapture] = []
    try:
        for upload in uploads:
            kept.append(store(chunks=upload, subject=subject))  # noqa: PERF401 - what is stored by then must be known
        yield kept
    except BaseException:
        for capture in kept:
            files.delete(capture.storage_name)
        raise


@contextmanager
def imagined(uploads: Iterable[bytes], *, subject: uuid.UUID) -> Iterator[list[StoredCapture]]:
    """Give photos as `stored` does, with no file behind them: for rows that are never kept."""
    yield [StoredCapture(uuid.uuid4(), subject, sniff(data), "", "", len(data)) for data in uploads]


def row(kept: StoredCapture, *, source: str) -> Capture:
    """Return the unsaved row of a stored file."""
    return Capture(
        id=kept.id,
        subject=kept.subject,
        kind=kept.media_type.kind,
        mime=kept.media_type.mime,
        source=source,
        storage_name=kept.storage_name,
        bytes_mark=kept.bytes_mark,
        size_bytes=kept.size_bytes,
    )


def read_bytes(capture: Capture) -> bytes:
    return files.read_bytes(subject=capture.subject, name=capture.storage_name, place=capture.file_place)


def sha256_of(capture: Capture) -> str:
    """Return the SHA-256 (hex) of a capture's file, which is kept nowhere."""
    digest = hashlib.sha256()
    for piece in files.read(subject=capture.subject, name=capture.storage_name, place=capture.file_place):
        digest.update(piece)
    return digest.hexdigest()


def read_images(capture: Capture, *, most_frames: int | None = None, shows: Person | None = None) -> tuple[Image, ...]:
    """Return what `images_of` gives, once all of it is there."""
    with images_of(capture, most_frames=most_frames, shows=shows) as images:
        return tuple(images)


@contextmanager
def images_of(
    capture: Capture, *, most_frames: int | None = None, shows: Person | None = None
) -> Iterator[Iterable[Image]]:
    """Give a photo's pixels, or the chosen frames of a clip as they are decoded.

    Noted on the (unsaved) row is what was found: size, duration, what the file says of its maker and, once the last
    frame has come, whether a clip was read only in part.
    most_frames: of a clip; None for as many as Limits.max_frames. shows: whom it is said to show, by whose consent a
    clip may be sent to a transcoder elsewhere; None: it is read here.
    Raises Refusal with the code of whatever makes the file unusable, of a clip also after its last frame.
    """
    if capture.kind == Capture.Kind.PHOTO:
        still = read_still(read_bytes(capture), limits())
        capture.width, capture.height = still.width, still.height
        capture.provenance = asdict(still.provenance)
        yield (still.image,)
        return
    with _copied(capture) as path:
        facts = probe(path, limits())
        capture.width, capture.height, capture.duration_s = facts.width, facts.height, facts.duration_s
        capture.provenance = asdict(facts.provenance)
        transcoder = transcoders.chosen(capture, shows=shows)
        coming = frames(path, facts, limits(), count=most_frames, transcoder=transcoder)
        yield _noted(coming, capture, facts, most_frames)


def _noted(coming: Iterator[Image], capture: Capture, facts: ClipFacts, most_frames: int | None) -> Iterator[Image]:
    given = []
    for image in coming:
        given.append(image)
        yield image
    capture.notes = [] if is_whole(given, facts, limits(), count=most_frames) else ["clip_partly_read"]


@contextmanager
def movement_of(
    capture: Capture, *, frames_per_s: float, longest_s: float, most_side: int
) -> Iterator[Iterable[Image]]:
    """Give frames of a clip at even distances in time, as they are decoded; note on the (unsaved) row what was found.

    Raises Refusal "clip_too_long" for one over `longest_s`, or the code of whatever makes the file unusable.
    """
    with _copied(capture) as path:
        facts = probe(path, replace(limits(), max_clip_s=longest_s))
        capture.width, capture.height, capture.duration_s = facts.width, facts.height, facts.duration_s
        capture.provenance = asdict(facts.provenance)
        dense = replace(limits(), max_frames=max(1, round(facts.duration_s * frames_per_s)))
        yield frames(path, facts, dense, max_side=most_side, evenly=True, transcoder=transcoders.here())


@contextmanager
def evidence_of(capture: Capture, *, shows: Person | None) -> Iterator[Evidence]:
    """Make the copy of a clip that people look at; its file goes on exit. shows: as in `images_of`.

    Raises Refusal with the code of whatever keeps it from being made.
    """
    with _copied(capture) as path:
        facts = probe(path, limits())
        transcoder = transcoders.chosen(capture, shows=shows)
        yield make_evidence(path, facts, path.parent, limits(), transcoder=transcoder)


def forget_file(capture: Capture) -> None:
    """Let go of a capture's file, and of all that could tell it from others; the row stays with its verdicts."""
    if capture.storage_name:
        files.forget([capture.storage_name])
    Capture.objects.filter(pk=capture.pk).update(storage_name="", **NO_MARKS, provenance={})


def _copied(capture: Capture) -> AbstractContextManager[Path]:
    return files.private_copy(subject=capture.subject, name=capture.storage_name, place=capture.file_place)


def held_files(names: Collection[str]) -> set[str]:
    """Return which of these files a capture names."""
    return set(Capture.objects.filter(storage_name__in=names).values_list("storage_name", flat=True))


def _with_head(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    rest = iter(chunks)
    head = b""
    for chunk in rest:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return head[:HEAD_BYTES], chain([head], rest)


def at_most(most: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass chunks on. Raises Refusal "too_many_bytes" at the one that goes beyond so many bytes."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise Refusal("too_many_bytes", f"The file is larger than {most // (1024 * 1024)} MB.")
        yield chunk
