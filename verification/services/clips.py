"""The clip of a verification as a reviewer plays it: promised with the review, made by a job of its own."""

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from enrollment.models import Capture
from enrollment.services import captures
from heirloom.accounts.models import User
from heirloom.api.ranges import Readable
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.crypto import files
from heirloom.crypto.services import KeyDestroyedError
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.jobs.services import Lease
from heirloom.media.image import encode_jpeg
from verification.models import EvidenceClip, Verification

POSTER_QUALITY = 85
CHUNK_BYTES = 1024 * 1024
# A player asks for a clip piece by piece; that is one look.
ONE_LOOK = timedelta(minutes=10)
# A copy takes long, and the worker's other threads are for those who wait for an answer.
_making = threading.Lock()


def promise(verification: Verification) -> None:
    """Have the clip of a verification made, in the caller's transaction; a photo has none."""
    if verification.capture is not None and verification.capture.kind == Capture.Kind.CLIP:
        EvidenceClip.objects.create(verification=verification)
        jobs.enqueue(kind="evidence_clip", subject_id=verification.id, owner=verification.owner, queue="media")


def make(verification_id: uuid.UUID, lease: Lease) -> None:
    """Make and store what was promised; run twice, it has its effects once.

    Raises Refusal "transcoder_busy" while another is made here; the job is then taken up again later.
    """
    if not _making.acquire(blocking=False):
        raise Refusal("transcoder_busy")
    try:
        _make(verification_id, lease)
    finally:
        _making.release()


def _make(verification_id: uuid.UUID, lease: Lease) -> None:
    clip = (
        EvidenceClip.objects.select_related("verification__capture", "verification__person")
        .filter(pk=verification_id)
        .first()
    )
    if clip is None or clip.is_settled or clip.verification.capture is None:
        return  # erased, or done by an earlier attempt
    lease.report("encoding", 10)
    reason = ""
    try:
        _store(clip, clip.verification.capture)
    except KeyDestroyedError:
        reason = "not_found"  # erased meanwhile
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        reason = refusal.code
    with lease.effects(error_code=reason):
        _settle(clip, reason)


@transaction.atomic
def fail(*, verification_id: uuid.UUID, code: str) -> None:
    """Say of a clip whose work was given up that there is none."""
    _settle(EvidenceClip(verification_id=verification_id), code)


def open_clip(*, verification: Verification, viewer: User) -> Readable:
    """Return the clip as an MP4 to be read in parts, and note in the audit log who looked.

    Raises Refusal "not_found" where it was not made or was erased.
    """
    clip, capture = _made(verification)
    looks = AuditEvent.objects.filter(subject_id=verification.id, actor_id=str(viewer.pk), details={"clip": True})
    if not looks.filter(at__gte=timezone.now() - ONE_LOOK).exists():
        _note(verification, viewer, clip=True)
    return Readable(files.size_bytes(clip.clip_name), lambda start, stop: _part(clip, capture, start, stop))


def read_poster(*, verification: Verification, viewer: User) -> bytes:
    """Return the picture shown before the clip as a JPEG, and note in the audit log who looked.

    Raises Refusal "not_found" as `open_clip` does.
    """
    clip, capture = _made(verification)
    _note(verification, viewer, poster=True)
    return files.read_bytes(subject=capture.subject, name=clip.poster_name, place=clip.poster_name)


def _store(clip: EvidenceClip, capture: Capture) -> None:
    for name in clip.file_names:
        files.delete(name)  # what an attempt that was cut off left
    with captures.evidence_of(capture, shows=clip.verification.person) as made:
        jpeg = encode_jpeg(made.poster, POSTER_QUALITY)
        files.write(subject=capture.subject, name=clip.poster_name, chunks=[jpeg])
        files.write(subject=capture.subject, name=clip.clip_name, chunks=_chunks(made.clip))


def _settle(clip: EvidenceClip, reason: str) -> None:
    """Write how it went, in the caller's transaction; where the clip was erased meanwhile, its files go as well."""
    Verification.objects.select_for_update(no_key=True).filter(pk=clip.pk).first()
    made_at = None if reason else timezone.now()
    kept = EvidenceClip.objects.filter(pk=clip.pk, made_at=None).update(reason=reason, made_at=made_at)
    if reason or not kept:
        files.forget(clip.file_names)


def _made(verification: Verification) -> tuple[EvidenceClip, Capture]:
    clip = EvidenceClip.objects.filter(pk=verification.pk).exclude(made_at=None).first()
    if clip is None or verification.capture is None:
        raise Refusal("not_found")
    return clip, verification.capture


def _note(verification: Verification, viewer: User, **details: bool) -> None:
    audit.record(
        action=Action.EVIDENCE_VIEWED,
        subject_kind="verification",
        subject_id=verification.id,
        actor=viewer,
        details=details,
    )


def _part(clip: EvidenceClip, capture: Capture, start: int, stop: int) -> Iterator[bytes]:
    name = clip.clip_name
    return files.read_part(subject=capture.subject, name=name, place=name, start=start, stop=stop)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
