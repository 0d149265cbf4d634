"""Links by which a transcoder elsewhere fetches a clip: one for each job, soon over, every use on record."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from enrollment.models import Capture, CaptureLink
from heirloom.api.ranges import Readable
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.crypto import files
from heirloom.errors import Refusal

GOOD_FOR = timedelta(minutes=15)
# A fetcher may ask how long the clip is, and take it in a few pieces.
MOST_REQUESTS = 16


@contextmanager
def offered(capture: Capture) -> Iterator[str]:
    """Give the address at which a capture can be fetched until the context is left, or it was fetched."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        CaptureLink.objects.filter(expires_at__lt=timezone.now()).delete()
        CaptureLink.objects.create(
            token_sha256=_hash(token),
            capture=capture,
            requests_left=MOST_REQUESTS,
            expires_at=timezone.now() + GOOD_FOR,
        )
        _note(Action.CAPTURE_OFFERED, capture)
    try:
        yield settings.PUBLIC_URL + reverse("transcoder-clip", args=[token])
    finally:
        end(token)


def take(token: str) -> tuple[Capture, Readable]:
    """Return the capture that a link opens, and note that it was asked for; once it was read whole, the link is over.

    Raises Refusal "not_found" for a link that never was, is over, or was used too often.
    """
    capture = _opened(token)
    size = files.size_bytes(capture.storage_name)

    def read(start: int, stop: int) -> Iterator[bytes]:
        yield from files.read_part(
            subject=capture.subject, name=capture.storage_name, place=capture.file_place, start=start, stop=stop
        )
        if (start, stop) == (0, size):
            end(token)

    return capture, Readable(size, read)


@transaction.atomic
def _opened(token: str) -> Capture:
    link = CaptureLink.objects.select_for_update().filter(pk=_hash(token), expires_at__gt=timezone.now()).first()
    if link is None or link.requests_left == 0:
        raise Refusal("not_found")
    link.requests_left -= 1
    link.save(update_fields=["requests_left"])
    _note(Action.CAPTURE_FETCHED, link.capture)
    return link.capture


def end(token: str) -> None:
    CaptureLink.objects.filter(pk=_hash(token)).delete()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _note(action: Action, capture: Capture) -> None:
    audit.record(
        action=action,
        subject_kind="person" if capture.person_id else "capture",
        subject_id=capture.person_id or capture.id,
        details={"capture": str(capture.id)},
    )
