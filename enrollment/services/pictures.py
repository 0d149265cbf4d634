"""Enrolled pictures, shown only to those who may and never unnoticed."""

from collections.abc import Sequence

from enrollment.models import Capture
from enrollment.services import captures
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.errors import Refusal
from heirloom.media.image import encode_jpeg
from heirloom.media.types import Image

JPEG_QUALITY = 85


def read_picture(*, capture: Capture, viewer: User, at_s: float | None = None) -> bytes:
    """Return a capture as a JPEG without metadata (of a clip, the chosen frame nearest `at_s`) and audit who looked.

    Raises Refusal "not_found" when the file is gone.
    """
    if not capture.storage_name:
        raise Refusal("not_found")
    image = _nearest(captures.read_images(capture), at_s)
    audit.record(
        action=Action.EVIDENCE_VIEWED,
        subject_kind="person" if capture.person_id else "capture",
        subject_id=capture.person_id or capture.id,
        actor=viewer,
        details={"capture": str(capture.id)},
    )
    return encode_jpeg(image, JPEG_QUALITY)


def best_moment(capture: Capture) -> float | None:
    """Return where in a clip its best accepted frame stands, in seconds; None for a photo."""
    good = [verdict for verdict in capture.verdicts if verdict["accepted"]]
    best = max(good, key=lambda verdict: verdict["quality"] or 0.0, default=None)
    return None if best is None else best["at_s"]


def _nearest(images: Sequence[Image], at_s: float | None) -> Image:
    return min(images, key=lambda image: abs((image.at_s or 0.0) - (at_s or 0.0)))
