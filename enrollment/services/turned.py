"""Templates in use that may be of a face on its side or head down: found by looking at their pictures again.

A template is sound where today's search for faces proves one upright in its very picture and computes the same numbers
of it. Any other waits as a case for a human, one for each capture. The rows are the only state: a capture that has a
case is not looked at again, so a run that was cut off goes on where it stopped.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from enrollment.models import Capture, FaceTemplate, Person
from enrollment.services import captures, templates
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.reviews import services as reviews
from heirloom.reviews.models import Review
from heirloom.reviews.querysets import ReviewQuerySet
from heirloom.vision.comparison import compare
from heirloom.vision.types import AnalysisRequest, Template, Vision

TURNED = "turned"
SAME_PICTURE = 0.97
"""Cosine from which two templates are of one picture of one face, misread by neither: computed again they agree to the
fourth digit, and a frame's neighbor is nearer than this; read on its side a face is far from itself."""

BATCH = 100
RISK = 0.9


class Standing(StrEnum):
    """What was found of one capture. UNTOLD: its picture or its pack is not here any more."""

    SOUND = "sound"
    TURNED = "turned"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Checked:
    capture_id: uuid.UUID
    standing: Standing


def still_to_check() -> int:
    """Return how many captures have templates in use and no case."""
    return Capture.objects.in_use().exclude(pk__in=_with_case()).count()


def check(*, packs: Mapping[str, str], vision: Vision) -> Iterator[Checked]:
    """Look at every capture with templates in use, and open a case for each whose face is not proved upright.

    packs: by model, the pack that makes its templates here.
    Raises Refusal when the vision process or the storage does not answer.
    """
    last = uuid.UUID(int=0)
    while batch := list(Capture.objects.in_use().filter(pk__gt=last).order_by("pk")[:BATCH]):
        known = set(_with_case().filter(subject_id__in=[one.pk for one in batch]).values_list("subject_id", flat=True))
        for capture in batch:
            if capture.pk not in known:
                yield _checked(capture, packs, vision)
        last = batch[-1].pk


@transaction.atomic
def apply_verdict(review: Review) -> None:
    """Carry out a reviewer's word: approved = the templates stay, rejected = they are no longer compared with.

    It concerns nobody but HR.
    """
    if review.verdict == Review.Verdict.APPROVED:
        return
    capture = Capture.objects.filter(pk=review.subject_id).first()
    if capture is not None and capture.person_id is not None:
        retire(person=Person.objects.select_for_update(no_key=True).get(pk=capture.person_id), capture=capture)


def retire(*, person: Person, capture: Capture) -> int:
    """Take a capture's templates out of use, of every model; return how many. The caller holds the person's row."""
    rows = list(FaceTemplate.objects.active().filter(person=person, capture=capture))
    FaceTemplate.objects.filter(pk__in=[row.pk for row in rows]).update(retired_at=timezone.now())
    for model in {row.model for row in rows}:
        templates.refresh(person=person, model=model)
    if rows:
        audit.record(
            action=Action.TEMPLATE_RETIRED,
            subject_kind="person",
            subject_id=person.id,
            details={"capture": str(capture.id), "templates": len(rows)},
        )
    return len(rows)


def _with_case() -> ReviewQuerySet:
    return Review.objects.filter(kind=TURNED)


def _checked(capture: Capture, packs: Mapping[str, str], vision: Vision) -> Checked:
    """Compute first; then lock, look whether the templates are still in use, and open the case."""
    standing = _standing(capture, packs, vision)
    if standing is Standing.TURNED:
        with transaction.atomic():
            held = Person.objects.select_for_update(no_key=True).filter(captures=capture.pk).first()
            if held is None or not FaceTemplate.objects.active().filter(capture=capture).exists():
                return Checked(capture.id, Standing.SOUND)  # erased or withdrawn meanwhile: nothing is compared with
            reviews.open_review(kind=TURNED, subject_id=capture.id, reasons=("face_turned",), risk=RISK)
    return Checked(capture.id, standing)


def _standing(capture: Capture, packs: Mapping[str, str], vision: Vision) -> Standing:
    rows = list(FaceTemplate.objects.active().filter(capture=capture))
    images = _images(capture)
    if images is None or any(row.model not in packs for row in rows):
        return Standing.UNTOLD
    sound = all(_is_sound(row, images, packs[row.model], vision) for row in rows)
    return Standing.SOUND if sound else Standing.TURNED


def _images(capture: Capture) -> dict[float | None, Image] | None:
    """The pictures by their moment; None where the file is gone or cannot be read any more."""
    if not capture.storage_name:
        return None
    try:
        return {image.at_s: image for image in captures.read_images(capture)}
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return None


def _is_sound(row: FaceTemplate, images: Mapping[float | None, Image], pack: str, vision: Vision) -> bool:
    image = images.get(row.at_s)
    if image is None:
        return False
    stored = templates.unsealed(row)
    (analysis,) = vision.analyze([image], AnalysisRequest(pack=pack, want=frozenset({"template"})))
    return _holds(stored, (face.template for face in analysis.faces if face.face.turn == 0))


def _holds(stored: Template, upright: Iterable[Template | None]) -> bool:
    return any(each is not None and compare(each, stored) >= SAME_PICTURE for each in upright)
