"""Enrollment answered in the call: the photos are judged first, and rows are written only if one is good."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from enrollment.models import Capture, Enrollment, Person
from enrollment.services import captures
from enrollment.services.consents import ConsentGiven
from enrollment.services.duplicates import hold_gallery
from enrollment.services.enrollments import Visitor, open_visit, record, require_consent, subject_of
from enrollment.services.findings import Verdict, examine
from heirloom.accounts.models import User
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.jobs.vision import vision
from heirloom.media.types import Image
from heirloom.vision.fingerprint import perceptual_hash


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One received photo: its bytes, and its pixels or the code of why it cannot be read."""

    data: bytes
    image: Image | None
    refused: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """verdicts: one for each photo, in order; template ids are those of the stored templates."""

    person: Person
    enrollment: Enrollment
    verdicts: tuple[dict[str, Any], ...]
    model: str


def register(
    *,
    visitor: Visitor,
    photos: Sequence[Photo],
    actor: User,
    consent: ConsentGiven | None,
    pack: str = "",
    use_fallback: bool = True,
) -> Registration:
    """Enroll a new person, or add references to one, from photos.

    Raises Refusal "consent_required"; the code of the first photo's fault when none is good (nothing is written then);
    "duplicate_person" when the face belongs to another person (kept for a reviewer); "model_changed".
    """
    require_consent(visitor, consent)
    activation = packs.activation()
    verdicts = _judge(photos, pack, use_fallback=use_fallback)
    good = [number for number, verdict in enumerate(verdicts) if verdict.accepted]
    if not good:
        raise Refusal(verdicts[0].reasons[0])
    owner = subject_of(visitor)
    with captures.stored([[photos[n].data] for n in good], subject=owner) as kept, transaction.atomic():
        hold_gallery(activation)
        visit = open_visit(owner, visitor, kept, source="api", actor=actor, consent=consent)
        _note_hashes({c.id: photos[n].image for c, n in zip(kept, good, strict=True)})
        record(visit, {c.id: (verdicts[n],) for c, n in zip(kept, good, strict=True)}, actor)
        if visit.outcome == Enrollment.Outcome.REFUSED:
            raise Refusal(visit.reasons[0])
    if visit.outcome != Enrollment.Outcome.ENROLLED:
        raise Refusal(visit.reasons[0])
    return _answer(visit, {n: c.id for n, c in zip(good, kept, strict=True)}, verdicts)


def _judge(photos: Sequence[Photo], pack: str, *, use_fallback: bool) -> list[Verdict]:
    readable = [photo.image for photo in photos if photo.image is not None]
    judged = iter(examine(readable, vision=vision(), pack=pack, use_fallback=use_fallback) if readable else ())
    return [
        next(judged) if photo.image is not None else Verdict(accepted=False, reasons=(photo.refused,))
        for photo in photos
    ]


def _note_hashes(images: Mapping[uuid.UUID, Image | None]) -> None:
    for capture_id, image in images.items():
        hashes = [] if image is None else [perceptual_hash(image)]
        Capture.objects.filter(pk=capture_id).update(perceptual_hashes=hashes)


def _answer(visit: Enrollment, stored: Mapping[int, uuid.UUID], verdicts: Sequence[Verdict]) -> Registration:
    rows = {capture.id: capture for capture in visit.captures.all()}
    told = tuple(rows[stored[n]].verdicts[0] if n in stored else v.as_json(None) for n, v in enumerate(verdicts))
    model = next(v.template.model for v in verdicts if v.template is not None)
    return Registration(visit.person, visit, told, model)
