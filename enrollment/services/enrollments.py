"""Enrollment: from the pictures of one visit to templates, or to the reasons why not."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrollment.models import Capture, Enrollment, FaceTemplate, Person
from enrollment.services import captures, consents, duplicates, people, templates
from enrollment.services.consents import ConsentGiven
from enrollment.services.findings import Verdict, examine, examine_clip, of_one_person
from enrollment.services.policies import SAME_PERSON_FMR, policy_of, same_person_from
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.crypto.marks import marks
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.jobs import services as jobs
from heirloom.jobs.services import Lease
from heirloom.jobs.vision import vision
from heirloom.reviews import services as reviews
from heirloom.reviews.models import Review
from heirloom.uploads import services as uploaded
from heirloom.uploads.models import Upload
from heirloom.vision.comparison import mean_template
from heirloom.vision.fingerprint import perceptual_hash
from heirloom.vision.gates import ENROLL, Gate
from heirloom.vision.types import Vision
from heirloom.webhooks import services as webhooks
from heirloom.webhooks.models import EventType

UNKNOWN_RISK = 0.5
DUPLICATE, REPLACEMENT = "duplicate", "replacement"
"""Kinds of cases about visits."""
CLEARED = {
    DUPLICATE: ("duplicate_cleared", "duplicate_person"),
    REPLACEMENT: ("face_cleared", "differs_from_enrolled"),
}
"""By kind: what an approval notes on the visit, and why it is refused otherwise."""
Findings = Mapping[uuid.UUID, Sequence[Verdict]]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Whom a visit is of when nobody is there yet: a name, and other fields of a person."""

    full_name: str
    details: Mapping[str, Any] = field(default_factory=dict)


Visitor = Person | Newcomer


def submit(
    *,
    visitor: Visitor,
    uploads: Iterable[Iterable[bytes]],
    source: str,
    actor: User | None,
    consent: ConsentGiven | None = None,
    taken_from: Upload | None = None,
    pack: str = "",
    fast: bool = False,
) -> Enrollment:
    """Take the photos and clips of one visit and have them worked on; the answer is the row to follow.

    taken_from: the upload that holds the one file; used up by this, unless it is refused. pack: whose templates are
    made, "" = the one active at that time. fast: photos get one pass of the detector.
    Raises Refusal "consent_required", "employee_id_taken", "upload_used", "upload_gone", or the code of the first file
    that cannot be taken; then nothing is written.
    """
    require_consent(visitor, consent)
    owner = subject_of(visitor)
    with captures.stored(uploads, subject=owner) as kept, transaction.atomic():
        enrollment = open_visit(owner, visitor, kept, source=source, actor=actor, consent=consent)
        if taken_from is not None:
            uploaded.use(taken_from)
        if pack or fast:
            enrollment.pack, enrollment.is_fast = pack, fast
            enrollment.save(update_fields=["pack", "is_fast"])
        jobs.enqueue(kind="enrollment", subject_id=enrollment.id, owner=actor, queue="vision")
    return enrollment


def require_consent(visitor: Visitor, given: ConsentGiven | None) -> None:
    """Raise Refusal "consent_required" unless a consent comes along or stands already."""
    if given is None and not (isinstance(visitor, Person) and visitor.consents.active().exists()):
        raise Refusal("consent_required")


def subject_of(visitor: Visitor) -> uuid.UUID:
    """Return whose key seals the files of a visit; a newcomer's id is made before the row."""
    return visitor.id if isinstance(visitor, Person) else uuid.uuid4()


def open_visit(
    owner: uuid.UUID,
    visitor: Visitor,
    kept: Sequence[captures.StoredCapture],
    *,
    source: str,
    actor: User | None,
    consent: ConsentGiven | None,
) -> Enrollment:
    """Write in the caller's transaction the person where new, the consent where given, the visit and its captures."""
    if isinstance(visitor, Person):
        person = people.locked(visitor.pk)
    else:
        person = people.create_person(person_id=owner, full_name=visitor.full_name, actor=actor, **visitor.details)
    if consent is not None:
        consents.give(person=person, actor=actor, **asdict(consent))
    enrollment = Enrollment.objects.create(person=person, source=source, requested_by=actor)
    for one in kept:
        capture = captures.row(one, source=source)
        capture.person, capture.enrollment = person, enrollment
        capture.save()
        audit.record(
            action=Action.CAPTURE_RECEIVED,
            subject_kind="person",
            subject_id=person.id,
            actor=actor,
            details={"capture": str(one.id)},
        )
    return enrollment


def process(enrollment_id: uuid.UUID, lease: Lease) -> None:
    """Work on one visit; run twice, it has its effects once."""
    enrollment = Enrollment.objects.with_rows().filter(pk=enrollment_id).first()
    if enrollment is None or enrollment.outcome != Enrollment.Outcome.PENDING:
        # Erased with its person, or done by an earlier attempt.
        return
    activation, findings, eyes = packs.activation(), {}, vision()
    for number, capture in enumerate(enrollment.captures.all()):
        lease.report("analyzing", round(100 * number / max(len(enrollment.captures.all()), 1)))
        findings[capture.id] = examine_capture(
            capture, vision=eyes, pack=enrollment.pack, shows=capture.person, use_fallback=not enrollment.is_fast
        )
    with lease.effects():
        duplicates.hold_gallery(activation)
        record(enrollment, findings, enrollment.requested_by)


def record(enrollment: Enrollment, findings: Findings, actor: User | None) -> Enrollment:
    """Decide a visit and write what follows from it, in the caller's transaction."""
    person = people.locked(enrollment.person_id)
    findings = _hold_to_one_person(person, findings)
    good = [v.template for verdicts in findings.values() for v in verdicts if v.template is not None]
    consent = person.consents.active().first()
    if consent is None:
        return _finish(enrollment, Enrollment.Outcome.REFUSED, ("consent_required",), findings)
    if not good:
        return _finish(enrollment, Enrollment.Outcome.REFUSED, _reasons(findings), findings)
    if not enrollment.face_cleared and _is_unknown_again(enrollment, good[0].model):
        return _wait_for_reviewer(enrollment, REPLACEMENT, ("face_not_compared",), findings, UNKNOWN_RISK)
    spoken_of = {enrollment.duplicate_of_id} if enrollment.duplicate_cleared and enrollment.duplicate_of_id else set()
    found = duplicates.look(probe=mean_template(good), pictures=len(good), but={person.id, *spoken_of})
    if found.reasons:
        return _stop(enrollment, found, findings)
    rows = templates.add(person=person, consent=consent, new=_new_templates(enrollment, findings))
    webhooks.emit(EventType.PERSON_ENROLLED, {"person_id": person.id, "enrollment_id": enrollment.id})
    audit.record(
        action=Action.PERSON_ENROLLED,
        subject_kind="person",
        subject_id=person.id,
        actor=actor,
        details={"templates": len(rows)},
    )
    return _finish(enrollment, Enrollment.Outcome.ENROLLED, (), findings, rows)


@transaction.atomic
def fail(*, enrollment_id: uuid.UUID, code: str) -> None:
    """Close a visit whose work was given up; one that was erased with its person needs no closing."""
    enrollment = Enrollment.objects.with_rows().filter(pk=enrollment_id).first()
    if enrollment is not None and enrollment.outcome == Enrollment.Outcome.PENDING:
        _finish(enrollment, Enrollment.Outcome.FAILED, (code,), {})


def apply_verdict(review: Review) -> None:
    """Carry out a reviewer's word on a visit; it concerns nobody but HR.

    On a possible duplicate: approved = a different person, enroll; rejected = do not. On a face that nothing was left
    to compare with: approved = the person of this name, enroll.
    """
    enrollment = Enrollment.objects.with_rows().get(pk=review.subject_id)
    cleared, refused = CLEARED[review.kind]
    if review.verdict == Review.Verdict.APPROVED:
        setattr(enrollment, cleared, True)
        enrollment.outcome, enrollment.reasons = Enrollment.Outcome.PENDING, []
        enrollment.save(update_fields=[cleared, "outcome", "reasons"])
        jobs.enqueue(kind="enrollment", subject_id=enrollment.id, owner=enrollment.requested_by, queue="vision")
        return
    _finish(enrollment, Enrollment.Outcome.REFUSED, (refused,), {})
    for capture in enrollment.captures.all():
        captures.forget_file(capture)


def examine_capture(
    capture: Capture,
    *,
    vision: Vision,
    pack: str = "",
    shows: Person | None = None,
    use_fallback: bool = True,
    gate: Gate = ENROLL,
) -> Sequence[Verdict]:
    """Return one verdict for a photo, several for a clip; a file that cannot be used is a verdict too.

    pack: whose templates are made, "" = the active one's. shows: as in captures.images_of; None: it is read here.
    Raises Refusal where it is no fault of the file's (5xx).
    """
    try:
        images = captures.read_images(capture, shows=shows)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return (Verdict(accepted=False, reasons=(refusal.code,)),)
    capture.looks_marks = marks().of_looks(perceptual_hash(image) for image in images)
    if capture.kind == Capture.Kind.CLIP:
        return examine_clip(images, vision=vision, same_person_from=same_person_from, pack=pack, gate=gate)
    return examine(images, vision=vision, pack=pack, use_fallback=use_fallback, gate=gate)


def _hold_to_one_person(person: Person, findings: Findings) -> Findings:
    flat = [(capture_id, verdict) for capture_id, verdicts in findings.items() for verdict in verdicts]
    model = next((v.template.model for _, v in flat if v.template is not None), None)
    if model is None:
        return findings
    known = templates.reference(person=person, model=model)
    checked = of_one_person([v for _, v in flat], policy=policy_of(model), reference=known)
    held: dict[uuid.UUID, list[Verdict]] = {capture_id: [] for capture_id in findings}
    for (capture_id, _), verdict in zip(flat, checked, strict=True):
        held[capture_id].append(verdict)
    return held


def _is_unknown_again(enrollment: Enrollment, model: str) -> bool:
    """Whether this person was enrolled before, and no measured comparison holds the new face to the earlier one.

    So it is after a consent was withdrawn, which deletes all templates, and where there are none of this model.
    """
    person, policy = enrollment.person, policy_of(model)
    earlier = person.enrollments.filter(outcome=Enrollment.Outcome.ENROLLED).exclude(pk=enrollment.pk)
    if not (earlier.exists() or person.templates.exists()):
        return False
    known = templates.reference(person=person, model=model)
    return known is None or policy is None or policy.pooled_threshold(known.count, 1, SAME_PERSON_FMR) is None


def _wait_for_reviewer(
    enrollment: Enrollment, kind: str, reasons: tuple[str, ...], findings: Findings, risk: float
) -> Enrollment:
    _finish(enrollment, Enrollment.Outcome.NEEDS_REVIEW, reasons, findings)
    reviews.open_review(kind=kind, subject_id=enrollment.id, reasons=reasons, risk=risk)
    return enrollment


def _stop(enrollment: Enrollment, found: duplicates.Finding, findings: Findings) -> Enrollment:
    """Let a visit wait for a reviewer; one that a reviewer has spoken about already ends here, and may be made anew."""
    if enrollment.duplicate_cleared:
        return _finish(enrollment, Enrollment.Outcome.REFUSED, found.reasons, findings)
    enrollment.duplicate_of_id, enrollment.duplicate_similarity = found.person_id, found.similarity
    risk = UNKNOWN_RISK if found.similarity is None else found.similarity
    return _wait_for_reviewer(enrollment, DUPLICATE, found.reasons, findings, risk)


def _new_templates(enrollment: Enrollment, findings: Findings) -> list[templates.NewTemplate]:
    by_id = {capture.id: capture for capture in enrollment.captures.all()}
    return [
        templates.NewTemplate(by_id[capture_id], verdict.template, verdict.quality or 0.0, verdict.at_s)
        for capture_id, verdicts in findings.items()
        for verdict in verdicts
        if verdict.template is not None
    ]


def _finish(
    enrollment: Enrollment,
    outcome: Enrollment.Outcome,
    reasons: Sequence[str],
    findings: Findings,
    rows: Sequence[FaceTemplate] = (),
) -> Enrollment:
    enrollment.outcome, enrollment.reasons, enrollment.finished_at = outcome, list(reasons), timezone.now()
    enrollment.save()
    ids = iter(rows)
    for capture in enrollment.captures.all():
        if capture.id in findings:
            capture.verdicts = [v.as_json(_next_id(ids, v)) for v in findings[capture.id]]
            capture.save()
        if capture.id in findings and not capture.is_accepted:
            captures.forget_file(capture)
    return enrollment


def _next_id(rows: Any, verdict: Verdict) -> str | None:
    row = next(rows, None) if verdict.template is not None else None
    return None if row is None else str(row.id)


def _reasons(findings: Findings) -> tuple[str, ...]:
    return tuple(dict.fromkeys(r for verdicts in findings.values() for v in verdicts for r in v.reasons))
