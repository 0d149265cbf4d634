"""What a transcoder elsewhere tells of the jobs it was given, proven to be asked for, and heard once."""

import hashlib
import hmac
import uuid
from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from enrollment.models import TranscoderNotice
from heirloom.media.transcode.zencoder import Notified
from heirloom.media.transcode.zencoder_api import ENDED

SIGNATURE_HEADER = "Heirloom-Signature"
KEPT_FOR = timedelta(days=1)


def address(order: uuid.UUID) -> Notified:
    """Return where the end of an order is to be told, and the proof to bring along."""
    place = settings.PUBLIC_URL + reverse("transcoder-notice", args=[order])
    return Notified(place, {SIGNATURE_HEADER: _signature(order)})


def is_proven(*, order: uuid.UUID, signature: str) -> bool:
    """Say whether a notification brings the proof that was given out for its order; in constant time."""
    return hmac.compare_digest(_signature(order).encode(), signature.encode())


def take(*, order: uuid.UUID, job: int, state: str) -> bool:
    """Keep what was told of a job; False where the same was told before."""
    TranscoderNotice.objects.filter(received_at__lt=timezone.now() - KEPT_FOR).delete()
    _, is_new = TranscoderNotice.objects.get_or_create(job=job, state=state, defaults={"order": order})
    return is_new


def ended(order: uuid.UUID) -> str | None:
    """Return the state in which the job of an order ended; None as long as that was not told."""
    told = TranscoderNotice.objects.filter(order=order, state__in=ENDED)
    return told.values_list("state", flat=True).first()


def _signature(order: uuid.UUID) -> str:
    secret = settings.ZENCODER_NOTIFICATION_SECRET.encode()
    return hmac.new(secret, b"heirloom transcoder notice" + order.bytes, hashlib.sha256).hexdigest()
