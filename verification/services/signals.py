"""What speaks for or against a capture as a whole: where it was seen before, and who the file says made it."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Q

from enrollment.models import Capture
from enrollment.services import captures
from heirloom.crypto.marks import marks
from heirloom.decision import injection, reuse
from heirloom.decision.reuse import Earlier, Likeness
from heirloom.media.types import Image, Provenance
from heirloom.vision.fingerprint import perceptual_hash
from heirloom.vision.types import AttackSignal
from verification.models import Verification
from verification.services.claims import token_of

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
    hashes = [perceptual_hash(image) for image in images]
    capture.looks_marks = marks().of_looks(hashes)
    said = capture.provenance
    provenance = Provenance(said.get("make", ""), said.get("model", ""), tuple(said.get("software", ())))
    return injection.judge(provenance), reuse.judge(tuple(_earlier(verification, capture, hashes)))


def _earlier(verification: Verification, capture: Capture, hashes: Sequence[int]) -> Iterator[Earlier]:
    same_bytes = _of_same_bytes(capture)
    alike = _looking_like(verification, capture, hashes) - same_bytes
    shown_in = {
        row.capture_id: row
        for row in Verification.objects.filter(capture_id__in=same_bytes | alike).order_by("created_at")
    }
    for other in Capture.objects.filter(pk__in=same_bytes | alike):
        likeness = Likeness.BYTES if other.id in same_bytes else Likeness.LOOKS
        yield _repetition(verification, capture, other, shown_in.get(other.id), likeness)


def _of_same_bytes(capture: Capture) -> set[uuid.UUID]:
    """Find equal files, those too whose hashes are still kept plain: for a while after an upgrade."""
    past = Capture.objects.held().before(capture)
    marked_before = past.marked_before().exists()
    plain = captures.sha256_of(capture) if marked_before or not capture.bytes_mark else ""
    equal = Q(bytes_mark=capture.bytes_mark or marks().of_bytes(plain))
    if marked_before:
        equal |= Q(sha256=plain)
    return set(past.filter(equal).order_by("-received_at").values_list("id", flat=True)[:MOST_NAMED])


def _looking_like(verification: Verification, capture: Capture, hashes: Sequence[int]) -> set[uuid.UUID]:
    past = Capture.objects.held().before(capture)
    among = [past.filter(received_at__gte=capture.received_at - LOOK_BACK)]
    if verification.person is not None:
        claimed = Verification.objects.filter(person=verification.person).values("capture")
        among.append(past.filter(Q(person=verification.person) | Q(pk__in=claimed)))
    like: dict[str, Any] = {"most_bits": reuse.MOST_BITS, "least_share": reuse.LEAST_SHARE, "newest": NEWEST}
    found = [one for each in among for one in each.looking_like(capture.looks_marks, **like)[:MOST_NAMED]]
    if past.marked_before().exists():
        among = [each.marked_before() for each in among]
        found += [one for each in among for one in each.looking_like(hashes, plain=True, **like)[:MOST_NAMED]]
    return set(found)


def _repetition(
    verification: Verification, capture: Capture, other: Capture, shown: Verification | None, likeness: Likeness
) -> Earlier:
    enrolled = other.enrollment_id is not None
    then = token_of(other.person_id) if enrolled else _claim(shown) if shown else ""
    claims = {_claim(verification), then} - {""}
    what = "an enrollment picture" if enrolled else f"verification {shown.id}" if shown else "an earlier capture"
    return Earlier(
        likeness=likeness,
        enrolled=enrolled,
        same_client=shown is not None and shown.owner_id is not None and shown.owner_id == verification.owner_id,
        same_person=len(claims) <= 1,
        age_s=(capture.received_at - other.received_at).total_seconds(),
        label=f"{what} of {other.received_at:%d %b %Y, %H:%M} UTC",
    )


def _claim(verification: Verification) -> str:
    return verification.claim or token_of(verification.person_id)
