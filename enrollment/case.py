"""A possible duplicate, as a reviewer sees it: the new captures beside those of the person who is there already."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from enrollment.models import Capture, Enrollment, ImportRow, Person
from enrollment.services.pictures import best_moment, read_picture
from heirloom.accounts.models import User
from heirloom.api.ranges import Readable
from heirloom.audit.models import Action
from heirloom.audit.services import actors
from heirloom.errors import Refusal
from heirloom.reviews.cases import Case, Fact, Panel, Picture
from heirloom.reviews.models import Review
from heirloom.vision.gates import PASSING_SCORE

MOST_PICTURES = 4
CAPTURE = "capture-"
Code = Review.ReasonCode
REASON_CODES = (
    (Code.DIFFERENT_PERSON, "They are different people"),
    (Code.SAME_PERSON, "They are the same person"),
    (Code.IDENTITY_CHECKED_IN_PERSON, Code.IDENTITY_CHECKED_IN_PERSON.label),
    (Code.POOR_EVIDENCE, Code.POOR_EVIDENCE.label),
    (Code.OTHER, Code.OTHER.label),
)
SAME_OR_NOT = (
    (Code.SAME_PERSON, "They show this person"),
    (Code.DIFFERENT_PERSON, "They show somebody else"),
    *REASON_CODES[2:],
)


class VisitCase:
    """What the cases about visits have in common."""

    def askers(self, subject_id: uuid.UUID) -> Collection[int]:
        """Whoever handed the pictures in; of an import everybody who handed something in for it."""
        asked = Enrollment.objects.filter(pk=subject_id).values_list("requested_by_id", flat=True)
        imports = ImportRow.objects.filter(enrollment=subject_id).values_list("batch_id", flat=True)
        told = actors(subject_id=imports.first(), actions=(Action.IMPORT_REQUESTED, Action.IMPORT_RETRIED))
        return {*told, *filter(None, asked)}

    def titles(self, subject_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
        named = Enrollment.objects.filter(pk__in=subject_ids).values_list("id", "person__full_name")
        return dict(named)

    def open_clip(self, review: Review, viewer: User) -> Readable:
        raise Refusal("not_found", "An enrollment is judged by its pictures.")


class DuplicateCase(VisitCase):
    reasons = MappingProxyType(
        {
            Review.Verdict.APPROVED: (Code.DIFFERENT_PERSON, Code.IDENTITY_CHECKED_IN_PERSON, Code.OTHER),
            Review.Verdict.REJECTED: (Code.SAME_PERSON, Code.POOR_EVIDENCE, Code.OTHER),
        }
    )

    def show(self, review: Review) -> Case | None:
        visit = Enrollment.objects.with_rows().filter(pk=review.subject_id).first()
        if visit is None:
            return None
        other = visit.duplicate_of
        known = enrolled_pictures(other) if other else ()
        similarity = "—" if visit.duplicate_similarity is None else f"{visit.duplicate_similarity:.2f}"
        return Case(
            claimed=visit.person.full_name,
            question=f"Is {visit.person} the same human being as {other}?" if other else "The other person was erased.",
            reference=Panel("Already enrolled", about(other) if other else "erased since", known),
            probe=Panel("New pictures", about(visit.person), tuple(map(picture_of, shown(visit.captures.all())))),
            facts=(Fact("Similarity", similarity), Fact("Received", f"{visit.created_at:%d %b %Y, %H:%M}")),
            signals=(),
            approve="They are two people: enroll the new pictures.",
            reject="They are the same, or it cannot be told: enroll nothing and delete the new pictures.",
            reason_codes=REASON_CODES,
        )

    def read_picture(self, review: Review, key: str, viewer: User) -> bytes:
        visit = Enrollment.objects.with_rows().filter(pk=review.subject_id).first()
        if visit is None:
            raise Refusal("not_found")
        known = references(visit.duplicate_of) if visit.duplicate_of else []
        return read_by_key([*shown(visit.captures.all()), *known], key, viewer)


class ReplacementCase(VisitCase):
    """Somebody enrolled before of whom no template is left: earlier pictures, where some are kept, beside the new."""

    reasons = MappingProxyType(
        {
            Review.Verdict.APPROVED: (Code.SAME_PERSON, Code.IDENTITY_CHECKED_IN_PERSON, Code.OTHER),
            Review.Verdict.REJECTED: (Code.DIFFERENT_PERSON, Code.POOR_EVIDENCE, Code.OTHER),
        }
    )

    def show(self, review: Review) -> Case | None:
        visit = Enrollment.objects.with_rows().filter(pk=review.subject_id).first()
        if visit is None:
            return None
        known = tuple(map(picture_of, _earlier(visit)))
        return Case(
            claimed=visit.person.full_name,
            question=f"Do the new pictures show {visit.person}?",
            reference=Panel("Enrolled before", "earlier pictures" if known else "no picture is kept", known),
            probe=Panel("New pictures", about(visit.person), tuple(map(picture_of, shown(visit.captures.all())))),
            facts=(Fact("Received", f"{visit.created_at:%d %b %Y, %H:%M}"),),
            signals=(),
            approve="They do: enroll the new pictures.",
            reject="They do not, or it cannot be told: enroll nothing and delete the new pictures.",
            reason_codes=SAME_OR_NOT,
        )

    def read_picture(self, review: Review, key: str, viewer: User) -> bytes:
        visit = Enrollment.objects.with_rows().filter(pk=review.subject_id).first()
        if visit is None:
            raise Refusal("not_found")
        return read_by_key([*shown(visit.captures.all()), *_earlier(visit)], key, viewer)


class TurnedCase:
    """A picture with templates in use whose face was not proved upright, beside the person's other pictures."""

    reasons = MappingProxyType(
        {
            Review.Verdict.APPROVED: (Code.SAME_PERSON, Code.IDENTITY_CHECKED_IN_PERSON, Code.OTHER),
            Review.Verdict.REJECTED: (Code.DIFFERENT_PERSON, Code.POOR_EVIDENCE, Code.OTHER),
        }
    )

    def askers(self, subject_id: uuid.UUID) -> Collection[int]:
        """Whoever handed the picture in."""
        visits = Capture.objects.filter(pk=subject_id).values_list("enrollment_id", flat=True)
        return {asker for visit in visits if visit is not None for asker in VisitCase().askers(visit)}

    def titles(self, subject_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
        return dict(Capture.objects.filter(pk__in=subject_ids).values_list("id", "person__full_name"))

    def show(self, review: Review) -> Case | None:
        capture = Capture.objects.select_related("person").filter(pk=review.subject_id).first()
        if capture is None or capture.person is None:
            return None
        others = tuple(map(picture_of, _beside(capture)))
        return Case(
            claimed=capture.person.full_name,
            question=f"Does this picture show {capture.person}, upright?",
            reference=Panel("Other pictures", about(capture.person) if others else "there are no others", others),
            probe=Panel("Enrolled by this picture", about(capture.person), (picture_of(capture),)),
            facts=(Fact("Received", f"{capture.received_at:%d %b %Y, %H:%M}"),),
            signals=(),
            approve="It does: go on comparing with it.",
            reject="It does not, or lies on its side or head down: compare with it no longer. Enroll the person anew.",
            reason_codes=SAME_OR_NOT,
        )

    def read_picture(self, review: Review, key: str, viewer: User) -> bytes:
        capture = Capture.objects.select_related("person").filter(pk=review.subject_id).first()
        if capture is None:
            raise Refusal("not_found")
        return read_by_key([capture, *_beside(capture)], key, viewer)

    def open_clip(self, review: Review, viewer: User) -> Readable:
        raise Refusal("not_found", "A picture is judged as it is.")


def _beside(capture: Capture) -> list[Capture]:
    """Return the person's best other pictures, the best first."""
    return [] if capture.person is None else shown(capture.person.captures.exclude(pk=capture.pk))


def _earlier(visit: Enrollment) -> list[Capture]:
    """Return the best accepted captures of former visits whose files are still kept, the best first."""
    return shown(visit.person.captures.exclude(storage_name="").exclude(enrollment=visit))


def references(person: Person) -> list[Capture]:
    """Return the best accepted captures of a person, the best first."""
    return shown(person.captures.exclude(storage_name=""))


def enrolled_pictures(person: Person) -> tuple[Picture, ...]:
    return tuple(map(picture_of, references(person)))


def picture_of(capture: Capture) -> Picture:
    caption = f"{capture.get_kind_display()} of {capture.received_at:%d %b %Y}"
    return Picture(
        f"{CAPTURE}{capture.id}",
        caption,
        (Fact("Quality", f"{_quality(capture):.0f} (good enough from {PASSING_SCORE:.0f})"),),
    )


def read_by_key(captures: Iterable[Capture], key: str, viewer: User) -> bytes:
    """Return the picture of the capture that a key names, if it is among these."""
    for capture in captures:
        if key == f"{CAPTURE}{capture.id}":
            return read_picture(capture=capture, viewer=viewer, at_s=best_moment(capture))
    raise Refusal("not_found")


def about(person: Person) -> str:
    return ", ".join(filter(None, (person.full_name, person.employee_id, person.department)))


def shown(captures: Iterable[Capture]) -> list[Capture]:
    there = [capture for capture in captures if capture.is_accepted and capture.storage_name]
    return sorted(there, key=_quality, reverse=True)[:MOST_PICTURES]


def _quality(capture: Capture) -> float:
    return max((verdict["quality"] or 0.0 for verdict in capture.verdicts if verdict["accepted"]), default=0.0)
