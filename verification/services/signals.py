"""What speaks for or against a capture as a whole: where it was seen before, and who the file says made it."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.db.models import Q

from enrollment.models import Capture
from heirloom.decision import injection, reuse
from heirloom.decision.reuse import Earlier, Likeness
from heirloom.media.types import Image, Provenance
from heirloom.vision.fingerprint import perceptual_hash
from heirloom.vision.types import AttackSignal
from verification.models import Verification

LOOK_BACK = timedelta(days=90)
NEWEST = 2_000
"""How far back all captures are compared by their looks, which bounds what that costs the database. Those of the
claimed person, who is the one to be impersonated, and equal bytes are found however old they are."""
MOST_NAMED = 20


def of_capture(verification: Verification, images: Iterable[Image]) -> tuple[AttackSignal, ...]:
    """Return the signals of a verification's capture, and note its hashes on the (unsaved) row.

    images: the photo, or the frames of the clip that were looked at.
    """
    capture = verification.capture
    if capture is None:
        return ()
    capture.perceptual_hashes = [perceptual_hash(image) for image in images]
    said = capture.provenance
    provenance = Provenance(said.get("make", ""), said.get("model", ""), tuple(said.get("software", ())))
    return injection.judge(provenance), reuse.judge(tuple(_earlier(verification, capture)))


def _earlier(verification: Verification, capture: Capture) -> Iterator[Earlier]:
    past = Capture.objects.held().before(capture)
    same_bytes = set(
        past.filter(sha256=capture.sha256).order_by("-received_at").values_list("id", flat=True)[:MOST_NAMED]
    )
    alike = _looking_like(verification, capture) - same_bytes
    shown_in = {
        row.capture_id: row
        for row in Verification.objects.filter(capture_id__in=same_bytes | alike).order_by("created_at")
    }
    for other in Capture.objects.filter(pk__in=same_bytes | alike):
        likeness = Likeness.BYTES if other.id in same_bytes else Likeness.LOOKS
        yield _repetition(verification, capture, other, shown_in.get(other.id), likeness)


def _looking_like(verification: Verification, capture: Capture) -> set[uuid.UUID]:
    past = Capture.objects.held().before(capture)
    among = [past.filter(received_at__gte=capture.received_at - LOOK_BACK)]
    if verification.person is not None:
        claimed = Verification.objects.filter(person=verification.person).values("capture")
        among.append(past.filter(Q(person=verification.person) | Q(pk__in=claimed)))
    return {
        found
        for each in among
        for found in each.looking_like(
            capture.perceptual_hashes, most_bits=reuse.MOST_BITS, least_share=reuse.LEAST_SHARE, newest=NEWEST
        )[:MOST_NAMED]
    }


def _repetition(
    verification: Verification, capture: Capture, other: Capture, shown: Verification | None, likeness: Likeness
) -> Earlier:
    enrolled = other.enrollment_id is not None
    claims = {verification.person_id, other.person_id if enrolled else shown and shown.person_id} - {None}
    what = "an enrollment picture" if enrolled else f"verification {shown.id}" if shown else "an earlier capture"
    return Earlier(
        likeness=likeness,
        enrolled=enrolled,
        same_client=shown is not None and shown.owner_id is not None and shown.owner_id == verification.owner_id,
        same_person=len(claims) <= 1,
        age_s=(capture.received_at - other.received_at).total_seconds(),
        label=f"{what} of {other.received_at:%d %b %Y, %H:%M} UTC",
    )
