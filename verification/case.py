"""A verification that waits for a human, as a reviewer sees it: reference and probe, frames, scores, signals."""

import uuid
from collections.abc import Collection, Mapping
from types import MappingProxyType

from django.db.models import F

from enrollment import case as enrolled
from enrollment.models import Person
from heirloom.accounts.models import User
from heirloom.api.ranges import Readable
from heirloom.audit.models import Action
from heirloom.audit.services import actors
from heirloom.decision.policy_words import CAVEATS
from heirloom.decision.sight import LOOK
from heirloom.errors import CODES, Refusal
from heirloom.reviews.cases import Case, Clip, Fact, Panel, Picture
from heirloom.reviews.models import Review
from heirloom.vision.gates import PASSING_SCORE
from verification.models import EvidenceFrame, Verification
from verification.services.clips import open_clip, read_poster
from verification.services.evidence import read_frame
from verification.words import of_signal

FRAME, POSTER = "frame-", "poster"
Code = Review.ReasonCode
NOBODY = {"identification": "Nobody claimed (1:N)", "verification": "An id that is nobody's"}


class VerificationCase:
    reasons = MappingProxyType(
        {
            Review.Verdict.APPROVED: (
                Code.SAME_PERSON,
                Code.ATTACK_NOT_CONFIRMED,
                Code.IDENTITY_CHECKED_IN_PERSON,
                Code.OTHER,
            ),
            Review.Verdict.REJECTED: (Code.DIFFERENT_PERSON, Code.ATTACK_CONFIRMED, Code.POOR_EVIDENCE, Code.OTHER),
        }
    )

    def askers(self, subject_id: uuid.UUID) -> Collection[int]:
        """Whoever sent it; of a key its owner, and who was told its secret."""
        row = Verification.objects.filter(pk=subject_id).values("owner_id", "api_key_id").first()
        if row is None:
            return ()
        told = actors(subject_id=row["api_key_id"], actions=(Action.API_KEY_CREATED, Action.API_KEY_ROTATED))
        return {*told, *filter(None, [row["owner_id"]])}

    def titles(self, subject_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
        rows = Verification.objects.filter(pk__in=subject_ids).values_list("id", F("person__full_name"), "mode")
        return {row_id: name or NOBODY[mode] for row_id, name, mode in rows}

    def show(self, review: Review) -> Case | None:
        verification = Verification.objects.with_rows().filter(pk=review.subject_id).first()
        if verification is None:
            return None
        person = _compared_with(verification)
        return Case(
            claimed=verification.person.full_name if verification.person else NOBODY[verification.mode],
            question=_question(person),
            reference=Panel(
                "Enrolled" if verification.person else "Nearest candidate",
                enrolled.about(person) if person else "nobody",
                enrolled.enrolled_pictures(person) if person else (),
            ),
            probe=_received(verification),
            facts=_facts(verification),
            signals=tuple(of_signal(one) for one in verification.signals),
            approve="The person is who was claimed, shown live.",
            reject="The claim is not believed.",
            reason_codes=tuple(Review.ReasonCode.choices),
        )

    def read_picture(self, review: Review, key: str, viewer: User) -> bytes:
        verification = Verification.objects.with_rows().filter(pk=review.subject_id).first()
        if verification is None:
            raise Refusal("not_found")
        if key == POSTER:
            return read_poster(verification=verification, viewer=viewer)
        for frame in verification.frames.all():
            if key == f"{FRAME}{frame.number}":
                return read_frame(frame=frame, viewer=viewer)
        person = _compared_with(verification)
        return enrolled.read_by_key(enrolled.references(person) if person else (), key, viewer)

    def open_clip(self, review: Review, viewer: User) -> Readable:
        verification = Verification.objects.with_rows().filter(pk=review.subject_id).first()
        if verification is None:
            raise Refusal("not_found")
        return open_clip(verification=verification, viewer=viewer)


def _compared_with(verification: Verification) -> Person | None:
    if verification.person is not None:
        return verification.person
    best = next(iter(verification.candidates.all()), None)
    return best.person if best else None


def _question(person: Person | None) -> str:
    if person is None:
        return "Nobody enrolled looks like this person."
    return f"Is this {person}, and was a live person in front of the camera?"


def _received(verification: Verification) -> Panel:
    subtitle = f"{verification.created_at:%d %b %Y, %H:%M}"
    return Panel("Received", subtitle, _frames(verification), _clip(verification))


def _clip(verification: Verification) -> Clip | None:
    """Return the clip to play, or why it cannot be played; None for a photo."""
    promised = getattr(verification, "clip", None)
    if promised is None or verification.capture is None:
        return None
    if promised.made_at:
        seconds = verification.capture.duration_s
        return Clip("The whole clip" if seconds is None else f"The whole clip, {seconds:.1f} s", poster=POSTER)
    if promised.reason:
        return Clip("No clip to play", missing=CODES[promised.reason].text)
    return Clip("The clip is being prepared", missing="Load the page again in a little while.")


def _frames(verification: Verification) -> tuple[Picture, ...]:
    """Return the frames, the one to show large first, the others in time order."""
    frames = list(verification.frames.all())
    frames.sort(key=lambda frame: (bool(frame.reasons), -(frame.similarity or 0.0), -(frame.quality or 0.0)))
    return tuple(map(_picture, [*frames[:1], *sorted(frames[1:], key=lambda frame: frame.number)]))


def _picture(frame: EvidenceFrame) -> Picture:
    caption = "Photo" if frame.at_s is None else f"Frame at {frame.at_s:.1f} s"
    facts = (
        Fact("Similarity", _number(LOOK.similarity(frame.similarity))),
        Fact("Quality", f"{_number(frame.quality, 0)} (good enough from {PASSING_SCORE:.0f})"),
        Fact("Attack score", _number(frame.attack_score)),
    )
    return Picture(f"{FRAME}{frame.number}", caption, facts, tuple(CODES[code].text for code in frame.reasons))


def _facts(verification: Verification) -> tuple[Fact, ...]:
    return (
        Fact("Similarity", f"{_number(LOOK.similarity(verification.similarity))} (a match from 0.50)"),
        Fact("Attack score", _number(verification.attack_score)),
        Fact("References", str(verification.reference_count)),
        Fact("Frames compared", str(verification.frame_count)),
        Fact("Policy", verification.policy or "none measured"),
        *(Fact("Whom it fails", CAVEATS.get(each, each)) for each in verification.policy_caveats),
        Fact("Model", verification.model or "—"),
    )


def _number(value: float | None, places: int = 2) -> str:
    return "—" if value is None else f"{value:.{places}f}"
