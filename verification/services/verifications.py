"""Verifications: from a received capture to an outcome, and from a review to a decision."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrollment.models import Capture, Person
from enrollment.services import captures, gallery, templates
from enrollment.services.policies import attack_policy_of, policy_of, same_person_from
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.decision.attack import AttackCheck, check
from heirloom.decision.identification import Identification, identify
from heirloom.decision.verification import VERIFICATION_FMR, Decision, Outcome, Rules, VerificationEvidence, decide
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.jobs.services import Lease
from heirloom.jobs.vision import vision
from heirloom.reviews import services as reviews
from heirloom.reviews.models import Review
from heirloom.vision.types import AttackOutcome
from verification.models import Candidate, Verification
from verification.services import evidence
from verification.services.probes import Probe, look

CANDIDATES_KEPT = 5
# The five best of these make the template of a clip (probes.MOST_FRAMES); each costs some 0.07 s of a processor.
FRAMES_LOOKED_AT = 8


def rules() -> Rules:
    return Rules(
        fmr=VERIFICATION_FMR,
        attack_check_required=settings.ATTACK_CHECK_REQUIRED,
        target_fpir=settings.IDENTIFICATION_TARGET_FPIR,
    )


def submit(*, owner: User, chunks: Iterable[bytes], source: str, person: Person | None = None) -> Verification:
    """Take a probe of a claimed person (1:1), or of nobody in particular (1:N), and have it worked on.

    Raises Refusal "person_suspended", "empty_file", "unsupported_format", "too_many_bytes" or "storage_unavailable".
    """
    if person is not None and person.status == Person.Status.SUSPENDED:
        raise Refusal("person_suspended")
    mode = Verification.Mode.IDENTIFICATION if person is None else Verification.Mode.VERIFICATION
    with captures.stored([chunks]) as (kept,), transaction.atomic():
        capture = captures.row(kept, source=source)
        capture.save()
        verification = Verification.objects.create(owner=owner, mode=mode, person=person, capture=capture)
        audit.record(
            action=Action.VERIFICATION_REQUESTED,
            subject_kind="verification",
            subject_id=verification.id,
            actor=owner,
            details={"mode": mode},
        )
        jobs.enqueue(kind="verification", subject_id=verification.id, owner=owner, queue="vision")
    return verification


def process(verification_id: uuid.UUID, lease: Lease) -> None:
    """Work on one verification; run twice, it has its effects once."""
    verification = Verification.objects.select_related("person", "capture").get(pk=verification_id)
    if verification.is_done:
        return
    started = time.monotonic()
    lease.report("decoding", 5)
    try:
        images = captures.read_images(_capture_of(verification), most_frames=FRAMES_LOOKED_AT)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        with lease.effects():
            _close(verification, Outcome.FAILED, (refusal.code,))
        return
    decoded = time.monotonic()
    lease.report("analyzing", 40)
    probe = look(images, vision=vision(), same_person_from=same_person_from)
    analyzed = time.monotonic()
    lease.report("deciding", 90)
    frames = evidence.keep(verification, probe)
    verification.timings = {"decode_s": round(decoded - started, 3), "analyze_s": round(analyzed - decoded, 3)}
    with lease.effects():
        _hold(verification)
        _conclude(verification, probe)
        evidence.record(verification, probe, frames)


@transaction.atomic
def fail(*, verification_id: uuid.UUID, code: str) -> None:
    """Close a verification whose work was given up."""
    verification = Verification.objects.select_for_update().get(pk=verification_id)
    if not verification.is_done:
        _close(verification, Outcome.FAILED, (code,))


def apply_verdict(review: Review) -> None:
    """Carry out a reviewer's verdict. The machine's outcome stays as it was."""
    verification = Verification.objects.select_for_update().get(pk=review.subject_id)
    verification.decision, verification.decided_at = Verification.Decision(review.verdict), timezone.now()
    verification.save(update_fields=["decision", "decided_at"])
    _audit_decision(verification, review.decided_by)


def _hold(verification: Verification) -> None:
    """Lock the row, and let go of a person or capture that was erased meanwhile."""
    held = Verification.objects.select_for_update(no_key=True).get(pk=verification.pk)
    if held.person_id is None:
        verification.person = None
    if held.capture_id is None:
        verification.capture = None


def _conclude(verification: Verification, probe: Probe) -> None:
    verification.frame_count = len(probe.counted)
    verification.model = probe.template.model if probe.template else ""
    attack = check(probe.attack, attack_policy_of)
    if verification.mode == Verification.Mode.VERIFICATION:
        _conclude_verification(verification, probe, attack)
    else:
        _conclude_identification(verification, probe, attack)


def _conclude_verification(verification: Verification, probe: Probe, attack: AttackCheck) -> None:
    person, template = verification.person, probe.template
    reference = templates.reference(person=person, model=template.model) if person and template else None
    seen = VerificationEvidence(
        score=evidence.score(probe.template, reference),
        references=reference.count if reference else 0,
        probes=len(probe.counted),
        attack=attack,
        reasons=probe.reasons,
        several_people=probe.several_people,
    )
    found = decide(seen, policy_of(verification.model), rules())
    verification.reference_count = seen.references
    _note(verification, found)
    verification.confidence = found.confidence
    verification.score, verification.similarity = found.score, found.similarity
    _close(verification, found.outcome, found.reasons)


def _conclude_identification(verification: Verification, probe: Probe, attack: AttackCheck) -> None:
    searched = gallery.Search((), 0)
    if probe.template is not None:
        searched = gallery.search(probe=probe.template, count=CANDIDATES_KEPT)
    doubts = [*probe.reasons, *(["several_people_in_clip"] if probe.several_people else [])]
    policy = policy_of(verification.model)
    found = identify(
        [hit.as_candidate() for hit in searched.hits],
        searched.gallery_size,
        len(probe.counted),
        policy,
        rules(),
        attack=attack,
        reasons=doubts,
    )
    _note(verification, found)
    if found.candidates:
        best = found.candidates[0]
        verification.score, verification.similarity, verification.confidence = (
            best.score,
            best.similarity,
            best.confidence,
        )
    Candidate.objects.bulk_create(
        Candidate(verification=verification, person_id=c.person_id, rank=c.rank, score=c.score, similarity=c.similarity)
        for c in found.candidates
    )
    _close(verification, found.outcome, found.reasons)


def _note(verification: Verification, found: Decision | Identification) -> None:
    verification.policy, verification.threshold = found.policy, found.threshold
    verification.attack_outcome, verification.attack_score = found.attack.outcome, found.attack.score
    verification.signals = [{**asdict(signal), "outcome": str(signal.outcome)} for signal in found.attack.signals]


def _close(verification: Verification, outcome: Outcome, reasons: tuple[str, ...]) -> None:
    now = timezone.now()
    notes = verification.capture.notes if verification.capture else []
    verification.outcome, verification.reasons, verification.finished_at = outcome, [*reasons, *notes], now
    settled = {Outcome.APPROVED: Verification.Decision.APPROVED, Outcome.NEEDS_REVIEW: Verification.Decision.PENDING}
    verification.decision = settled.get(outcome, Verification.Decision.REJECTED)
    verification.decided_at = None if outcome == Outcome.NEEDS_REVIEW else now
    verification.save()
    if verification.capture is not None:
        verification.capture.save(update_fields=["width", "height", "duration_s", "notes"])
    if outcome == Outcome.NEEDS_REVIEW:
        risk = _risk(verification)
        reviews.open_review(
            kind="verification", subject_id=verification.id, reasons=tuple(verification.reasons), risk=risk
        )
    _audit_decision(verification, None)


def _risk(verification: Verification) -> float:
    """Return 0..1: a suspected attack first, then what could not be told, then close scores."""
    if verification.attack_outcome == AttackOutcome.ATTACK:
        return 0.5 + 0.5 * (1.0 if verification.attack_score is None else verification.attack_score)
    doubts = {"capture_reused", "possible_injection", "attack_check_inconclusive"}
    return 0.4 if doubts & set(verification.reasons) else 0.2


def _capture_of(verification: Verification) -> Capture:
    if verification.capture is None:
        raise Refusal("not_found", "The capture of this verification was erased.")
    return verification.capture


def _audit_decision(verification: Verification, actor: User | None) -> None:
    audit.record(
        action=Action.VERIFICATION_DECIDED,
        subject_kind="verification",
        subject_id=verification.id,
        actor=actor,
        details={"outcome": verification.outcome, "decision": verification.decision, "reasons": verification.reasons},
    )
