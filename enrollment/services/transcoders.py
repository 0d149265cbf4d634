"""Which transcoder works on a capture: the one place where TRANSCODER is read."""

from django.conf import settings

from enrollment.models import Capture, Person
from enrollment.services import links, notices
from heirloom.media.transcode.base import Transcoder
from heirloom.media.transcode.ffmpeg import FfmpegTranscoder
from heirloom.media.transcode.zencoder import ZencoderTranscoder
from heirloom.media.transcode.zencoder_api import ZencoderApi


def here() -> FfmpegTranscoder:
    """Return the transcoder of this machine."""
    return FfmpegTranscoder(settings.FFMPEG_BINARY or None, use_gpu=settings.MEDIA_HWACCEL == "auto")


def chosen(capture: Capture, *, shows: Person | None) -> Transcoder:
    """Return the transcoder for a capture.

    A clip leaves this machine only if TRANSCODER says so and the person it is said to show agreed to a consent text
    that names the service; all others are worked on here.
    """
    if settings.TRANSCODER != "zencoder" or shows is None or not _agreed(shows):
        return here()
    return ZencoderTranscoder(
        ZencoderApi(settings.ZENCODER_API_KEY, settings.ZENCODER_URL),
        offered=lambda _clip: links.offered(capture),
        notified=notices.address,
        ended=notices.ended,
        binary=settings.FFMPEG_BINARY or None,
        patience_s=settings.ZENCODER_WAIT_S,
    )


def _agreed(person: Person) -> bool:
    return person.consents.active().filter(policy_version=settings.CONSENT_POLICY_VERSION).exists()
