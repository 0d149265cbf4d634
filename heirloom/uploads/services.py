"""The only writers of uploads and their parts: begin, receive, use, end, sweep."""

import logging
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from heirloom.accounts.models import User
from heirloom.crypto import files
from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place
from heirloom.crypto.services import KeyDestroyedError
from heirloom.crypto.stream import StreamDamagedError
from heirloom.errors import Refusal
from heirloom.uploads import quarantine
from heirloom.uploads.arriving import Piece
from heirloom.uploads.models import Upload, UploadPart
from heirloom.uploads.tus import Checksum

logger = logging.getLogger(__name__)
KEPT_FOR = timedelta(days=1)
"""How long a used upload is still told from one that never was."""
_SWEEP_BATCH = 500


def create(*, owner: User, size_bytes: int, metadata: str = "", way: Upload.Way = Upload.Way.RESUMABLE) -> Upload:
    """Begin an upload of so many bytes. metadata: the caller's own words about it, given back and not read.

    Raises Refusal "too_many_bytes" or "upload_quota_reached".
    """
    if size_bytes > settings.UPLOAD_MAX_CLIP_BYTES:
        raise Refusal("too_many_bytes", f"The file is larger than {settings.UPLOAD_MAX_CLIP_BYTES // 1024**2} MB.")
    expires_at = timezone.now() + timedelta(hours=settings.UPLOAD_TTL_HOURS)
    upload = Upload(owner=owner, size_bytes=size_bytes, way=way, expires_at=expires_at)
    with transaction.atomic():
        _require_room(owner, size_bytes)
        if metadata:
            upload.metadata_sealed = crypto.seal(
                subject=upload.id, plaintext=metadata.encode(), place=metadata_place(upload)
            )
        upload.save(force_insert=True)
    return upload


def metadata_of(upload: Upload) -> str:
    """Return what the caller said of an upload when it was begun."""
    if upload.metadata_sealed is None:
        return ""
    sealed = bytes(upload.metadata_sealed)
    return crypto.unseal(subject=upload.id, sealed=sealed, place=metadata_place(upload)).decode()


def metadata_place(upload: Upload) -> Place:
    return Place("uploads_upload.metadata", (str(upload.id),), b"upload metadata")


def require_open(upload: Upload) -> None:
    """Raise Refusal "upload_gone" for an upload that can be sent to no more."""
    if upload.used_at is not None or upload.has_expired:
        raise Refusal("upload_gone")


def receive(
    *, upload: Upload, offset: int, pieces: Iterable[Piece], checksum: Checksum | None = None, coming_bytes: int = 0
) -> Upload:
    """Take the bytes of one request from `offset` on, each piece as it comes; return the upload as it is then.

    What came before `pieces` raised stays. With a checksum nothing stays unless all has come and meets it.
    A request that begins later takes over: this one then ends. coming_bytes: how many are said to come, if known.
    Raises Refusal "upload_offset_differs", "upload_busy", "upload_gone", "upload_checksum_mismatch", "too_many_bytes",
    "not_found", what `files.write` raises, and whatever `pieces` does.
    """
    sender, at = _begin(upload, offset, coming_bytes), offset
    waiting: list[UploadPart] = []
    try:
        for piece in pieces:
            waiting.append(_kept(upload, sender, at, piece))
            at += waiting[-1].size_bytes
            if checksum is None:
                _count(upload, sender, waiting)
                waiting = []
            else:
                checksum.update(piece)
        if checksum is not None:
            if not checksum.is_met():
                raise Refusal("upload_checksum_mismatch")
            _count(upload, sender, waiting)
            waiting = []
    finally:
        _forget(waiting)
    upload.offset = at
    return upload


def find(*, owner: User, upload_id: UUID) -> Upload:
    """Return a caller's upload that is whole and was not used.

    Raises Refusal "not_found", "upload_used", "upload_gone", "upload_incomplete", "upload_size_differs" or
    "storage_unavailable".
    """
    upload = Upload.objects.visible_to(owner).filter(pk=upload_id).first()
    if upload is None:
        raise Refusal("not_found", "There is no such upload.", attr="upload_id")
    _refuse_spent(upload)
    here = quarantine.bucket().size_bytes(upload.storage_name) if upload.way == Upload.Way.DIRECT else upload.offset
    if here is None or (upload.way == Upload.Way.RESUMABLE and here < upload.size_bytes):
        raise Refusal("upload_incomplete", attr="upload_id")
    if here != upload.size_bytes:
        raise Refusal("upload_size_differs", attr="upload_id")
    return upload


def read(upload: Upload) -> Iterator[bytes]:
    """Give the bytes of a whole upload, in order.

    Raises, while it is read, Refusal "upload_used" if it is used up meanwhile, "upload_size_differs", what `files.read`
    raises, and "storage_unavailable".
    """
    read_bytes = 0
    try:
        for chunk in _direct(upload) if upload.way == Upload.Way.DIRECT else _parts(upload):
            read_bytes += len(chunk)
            yield chunk
    except (KeyDestroyedError, Refusal):
        _refuse_spent(Upload.objects.get(pk=upload.pk))
        raise
    if read_bytes != upload.size_bytes:
        _refuse_spent(Upload.objects.get(pk=upload.pk))
        raise Refusal("upload_size_differs", attr="upload_id")


def use(upload: Upload) -> None:
    """Use an upload up, in the caller's transaction; its bytes go with that. One UPDATE decides a race.

    Raises Refusal "upload_used" or "upload_gone".
    """
    now = timezone.now()
    with transaction.atomic():
        if not Upload.objects.open_at(now).filter(pk=upload.pk).update(used_at=now, sender=None):
            upload.refresh_from_db()
            _refuse_spent(upload)
            raise Refusal("upload_gone", attr="upload_id")
        _empty(upload)


@transaction.atomic
def end(*, upload: Upload) -> None:
    """Give an upload up, with its bytes. Raises Refusal "upload_gone" or "not_found"."""
    held = _held(upload)
    require_open(held)
    _empty(held)
    if held.way == Upload.Way.RESUMABLE:
        held.delete()
        return
    # Its address is still good for a while: the row stays until the sweep has looked into the bucket once more.
    held.expires_at = timezone.now()
    held.save(update_fields=["expires_at"])


def sweep() -> int:
    """Delete what nobody finished or used in time, with its bytes and keys, and what was used long ago.

    Returns how many. Any number of sweeps may run at once.
    """
    over = Upload.objects.done_with(timezone.now(), kept_for=KEPT_FOR, signed_for=quarantine.SIGNED_FOR)
    swept, bucket_is_away = 0, False
    for upload in list(over.order_by("expires_at")[:_SWEEP_BATCH]):
        if upload.way == Upload.Way.DIRECT:
            bucket_is_away = bucket_is_away or not _delete_direct(upload.storage_name)
        if upload.way == Upload.Way.RESUMABLE or not bucket_is_away:
            swept += _swept(upload)
    return swept


def held_files(names: Collection[str]) -> set[str]:
    """Return which of these files a part of an upload names."""
    return set(UploadPart.objects.filter(storage_name__in=names).values_list("storage_name", flat=True))


def _begin(upload: Upload, offset: int, coming_bytes: int) -> UUID:
    """Take an upload over from whichever request sent to it last, and forget what that left uncounted."""
    sender = uuid.uuid4()
    with transaction.atomic():
        held = _held(upload)
        require_open(held)
        if held.offset != offset:
            raise Refusal("upload_offset_differs", f"{held.offset} bytes are here, not {offset}.", attr="Upload-Offset")
        _require_announced(held, offset + coming_bytes)
        Upload.objects.filter(pk=upload.pk).update(sender=sender)
        _forget(list(held.parts.filter(is_counted=False)))
    return sender


def _kept(upload: Upload, sender: UUID, start: int, piece: Piece) -> UploadPart:
    """Seal a piece into a file of its own: first the row that names it, then the file."""
    size_bytes = sum(map(len, piece))
    _require_announced(upload, start + size_bytes)
    part = UploadPart(upload=upload, start=start, size_bytes=size_bytes)
    part.storage_name = f"{part.file_place}-{uuid.uuid4()}"
    with transaction.atomic():
        _require_sender(upload, sender)
        part.save(force_insert=True)
    try:
        files.write(subject=upload.id, name=part.storage_name, chunks=piece)
    except KeyDestroyedError:
        raise Refusal("upload_gone") from None  # ended meanwhile
    except BaseException:
        _forget([part])
        raise
    return part


def _count(upload: Upload, sender: UUID, parts: Sequence[UploadPart]) -> None:
    """Let stored parts belong to the upload; parts of one that was ended or taken over meanwhile are for the caller."""
    with transaction.atomic():
        held = _require_sender(upload, sender)
        UploadPart.objects.filter(pk__in=[part.pk for part in parts]).update(is_counted=True)
        offset = held.offset + sum(part.size_bytes for part in parts)
        Upload.objects.filter(pk=upload.pk).update(offset=offset)


def _forget(parts: Sequence[UploadPart]) -> None:
    if parts:
        with transaction.atomic():
            UploadPart.objects.filter(pk__in=[part.pk for part in parts]).delete()
            files.forget([part.storage_name for part in parts])


def _require_sender(upload: Upload, sender: UUID) -> Upload:
    held = _held(upload)
    require_open(held)
    if held.sender != sender:
        raise Refusal("upload_busy")
    return held


def _require_announced(upload: Upload, size_bytes: int) -> None:
    if size_bytes > upload.size_bytes:
        raise Refusal("too_many_bytes", f"The upload was announced with {upload.size_bytes} bytes.")


def _held(upload: Upload) -> Upload:
    held = Upload.objects.select_for_update(no_key=True).filter(pk=upload.pk).first()
    if held is None:
        raise Refusal("not_found", "There is no such upload.")
    return held


def _empty(upload: Upload) -> None:
    """Let go of an upload's bytes and destroy its key, in the caller's transaction."""
    _forget(list(upload.parts.all()))
    crypto.destroy(subject=upload.id)
    if upload.way == Upload.Way.DIRECT:
        name = upload.storage_name
        transaction.on_commit(lambda: _delete_direct(name), robust=True)


def _delete_direct(name: str) -> bool:
    """Delete an object from the bucket, and say whether it is gone; if not, the sweep tries again."""
    try:
        quarantine.bucket().delete(name)
    except Refusal as refusal:
        logger.warning("an object may still be in the quarantine bucket: %s", refusal.code)
        # Without a bucket there is nothing to wait for; whoever took it out of the settings empties it.
        return refusal.code == "direct_upload_unavailable"
    return True


def _swept(upload: Upload) -> bool:
    with transaction.atomic():
        held = Upload.objects.select_for_update(skip_locked=True).filter(pk=upload.pk).first()
        if held is None:
            return False
        _forget(list(held.parts.all()))
        crypto.destroy(subject=held.id)
        held.delete()
    return True


def _parts(upload: Upload) -> Iterator[bytes]:
    at = 0
    for part in list(upload.parts.filter(is_counted=True)):
        if part.start != at:
            raise StreamDamagedError(f"the part at {at} is missing")
        yield from files.read(subject=upload.id, name=part.storage_name, place=part.file_place)
        at += part.size_bytes


def _direct(upload: Upload) -> Iterator[bytes]:
    return quarantine.bucket().read(upload.storage_name)


def _refuse_spent(upload: Upload) -> None:
    if upload.used_at is not None:
        raise Refusal("upload_used", attr="upload_id")
    if upload.has_expired:
        raise Refusal("upload_gone", attr="upload_id")


def _require_room(owner: User, size_bytes: int) -> None:
    """Hold the owner's row, so that requests at the same time are counted one after the other."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    standing = Upload.objects.visible_to(owner).open_at(timezone.now())
    if standing.count() >= settings.UPLOAD_MAX_OPEN:
        raise Refusal("upload_quota_reached", f"{settings.UPLOAD_MAX_OPEN} uploads are open already.")
    taken = standing.aggregate(total=Sum("size_bytes"))["total"] or 0
    if taken + size_bytes > settings.UPLOAD_QUOTA_BYTES:
        limit = settings.UPLOAD_QUOTA_BYTES // 1024**2
        raise Refusal("upload_quota_reached", f"Open uploads may hold {limit} MB together.")
