"""Enrollment answered in the call: the photos are judged first, and rows are written only if one is good."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from enrollment.models import Capture, Enrollment, Person
from enrollment.services import captures
from enrollment.services.captures import StoredCapture
from enrollment.services.consents import ConsentGiven
from enrollment.services.duplicates import hold_gallery
from enrollment.services.enrollments import Visitor, open_visit, record, require_consent, subject_of
from enrollment.services.findings import Verdict, examine
from heirloom.accounts.models import User
from heirloom.crypto.marks import marks
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.jobs.vision import vision
from heirloom.media.image import read_still
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


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Photos that were judged, the good ones stored: all that is slow is done. good: where those stand in `photos`."""

    visitor: Visitor
    owner: uuid.UUID
    photos: Sequence[Photo]
    verdicts: Sequence[Verdict]
    good: Sequence[int]
    kept: Sequence[StoredCapture]
    activation: int

    def told(self, visit: Enrollment | None = None) -> tuple[dict[str, Any], ...]:
        """Return the verdict on each photo; of those that a visit holds, as it came to stand there."""
        rows = {} if visit is None else {capture.id: capture for capture in visit.captures.all()}
        stored = {n: rows[capture.id] for n, capture in zip(self.good, self.kept, strict=True) if capture.id in rows}
        return tuple(stored[n].verdicts[0] if n in stored else v.as_json(None) for n, v in enumerate(self.verdicts))


class NoGoodPhotoError(Refusal):
    """None of the photos is good; the refusal itself is that of the first."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__(verdicts[0].reasons[0])
        self.verdicts = verdicts


def read(data: bytes) -> Photo:
    """Decode a photo; one that cannot be read is a photo too. Raises Refusal where it is no fault of the file's."""
    try:
        return Photo(data, read_still(data, captures.limits()).image)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return Photo(data, None, refusal.code)


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
    with (
        prepared(visitor=visitor, photos=photos, pack=pack, use_fallback=use_fallback) as ready,
        transaction.atomic(),
    ):
        visit = enroll(ready, actor=actor, consent=consent, source="api")
    if visit.outcome != Enrollment.Outcome.ENROLLED:
        raise Refusal(visit.reasons[0])
    model = next(v.template.model for v in ready.verdicts if v.template is not None)
    return Registration(visit.person, visit, ready.told(visit), model)


@contextmanager
def prepared(
    *, visitor: Visitor, photos: Sequence[Photo], pack: str = "", use_fallback: bool = True, keep: bool = True
) -> Iterator[Ready]:
    """Judge the photos and store the good ones, outside of any transaction; if the block fails, no file stays behind.

    keep: False where what the block writes is undone; then nothing is stored.
    Raises NoGoodPhotoError.
    """
    activation = packs.activation()
    verdicts = _judge(photos, pack, use_fallback=use_fallback)
    good = [number for number, verdict in enumerate(verdicts) if verdict.accepted]
    if not good:
        raise NoGoodPhotoError(verdicts)
    owner = subject_of(visitor)
    data = [photos[n].data for n in good]
    storing = (
        captures.stored([[one] for one in data], subject=owner) if keep else captures.imagined(data, subject=owner)
    )
    with storing as kept:
        yield Ready(visitor, owner, photos, verdicts, good, kept, activation)


def enroll(ready: Ready, *, actor: User | None, consent: ConsentGiven | None, source: str) -> Enrollment:
    """Write, in the caller's transaction, a visit with the photos that were made ready, and what follows from it.

    Raises Refusal with the code of why nothing is enrolled; the caller's transaction is then to be undone.
    """
    hold_gallery(ready.activation)
    visit = open_visit(ready.owner, ready.visitor, ready.kept, source=source, actor=actor, consent=consent)
    _note_looks({c.id: ready.photos[n].image for c, n in zip(ready.kept, ready.good, strict=True)})
    record(visit, {c.id: (ready.verdicts[n],) for c, n in zip(ready.kept, ready.good, strict=True)}, actor)
    if visit.outcome == Enrollment.Outcome.REFUSED:
        raise Refusal(visit.reasons[0])
    return visit


def _judge(photos: Sequence[Photo], pack: str, *, use_fallback: bool) -> list[Verdict]:
    readable = [photo.image for photo in photos if photo.image is not None]
    judged = iter(examine(readable, vision=vision(), pack=pack, use_fallback=use_fallback) if readable else ())
    return [
        next(judged) if photo.image is not None else Verdict(accepted=False, reasons=(photo.refused,))
        for photo in photos
    ]


def _note_looks(images: Mapping[uuid.UUID, Image | None]) -> None:
    kept = marks()
    for capture_id, image in images.items():
        found = kept.of_looks([] if image is None else [perceptual_hash(image)])
        Capture.objects.filter(pk=capture_id).update(looks_marks=found)
