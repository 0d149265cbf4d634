"""Verifications: from a received capture to an outcome, and from a review to a decision."""

import uuid
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrollment.models import Capture
from enrollment.services import captures, gallery, people, templates
from enrollment.services.erasure import erase_captures
from enrollment.services.policies import attack_policy_of, policy_of, same_person_from
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.crypto.services import KeyDestroyedError
from heirloom.decision.attack import CHALLENGE, CHALLENGE_ALONE, PASSIVE_ALONE, AttackCheck, check
from heirloom.decision.challenge import Verdict
from heirloom.decision.identification import Identification, identify
from heirloom.decision.policy import Policy
from heirloom.decision.verification import VERIFICATION_FMR, Decision, Outcome, Rules, VerificationEvidence, decide
from heirloom.errors import Refusal
from heirloom.jobs import news
from heirloom.jobs import services as jobs
from heirloom.jobs.services import Lease
from heirloom.jobs.vision import vision
from heirloom.reviews import services as reviews
from heirloom.reviews.models import Review
from heirloom.uploads import services as uploads
from heirloom.uploads.models import Upload
from heirloom.vision.types import AttackOutcome, AttackSignal
from heirloom.webhooks import services as webhooks
from heirloom.webhooks.models import EventType
from verification.models import Candidate, Challenge, Verification
from verification.services import attempts, challenges, claims, clips, evidence, performances, signals
from verification.services.claims import Claim
from verification.services.performances import Movement, Performance
from verification.services.probes import Probe, look
from verification.services.progress import Progress
from verification.services.searches import EVERYBODY, Search

# The five best of these make the template of a clip (probes.MOST_FRAMES); each costs some 0.07 s of a processor.
FRAMES_LOOKED_AT = 8


def rules() -> Rules:
    alone = {
        CHALLENGE_ALONE: settings.CHALLENGE_ALONE_APPROVES,
        PASSIVE_ALONE: settings.PASSIVE_CHECK_ALONE_APPROVES,
    }
    return Rules(
        fmr=VERIFICATION_FMR,
        attack_check_required=settings.ATTACK_CHECK_REQUIRED,
        target_fpir=settings.IDENTIFICATION_TARGET_FPIR,
        approving_alone=frozenset(code for code, approves in alone.items() if approves),
    )


def submit(
    *,
    owner: User,
    chunks: Iterable[bytes],
    source: str,
    claim: Claim | None = None,
    challenge: Challenge | None = None,
    taken_from: Upload | None = None,
    search: Search = EVERYBODY,
) -> Verification:
    """Take a probe of a claimed person (1:1), or of nobody in particular (1:N), and have it worked on.

    claim: who it is said to be; whoever that is, somebody or nobody, the probe is worked on alike.
    challenge: what the clip must show. taken_from: the upload that `chunks` come from. Both are used up by this, unless
    it is refused. search: how to look, where nobody is claimed.
    Raises Refusal "too_many_attempts", "face_verification_suspended", "not_found" for one erased meanwhile,
    "empty_file", "unsupported_format", "too_many_bytes", "storage_unavailable", "challenge_needs_clip",
    "challenge_used", "challenge_expired", "upload_used" or "upload_gone".
    """
    if claim is not None:
        attempts.require_open(claim.token, owner)
    mode = Verification.Mode.IDENTIFICATION if claim is None else Verification.Mode.VERIFICATION
    whom = {} if claim is None else {"person": claim.person, "claim": claim.token}
    with captures.stored([chunks]) as (kept,), transaction.atomic():
        if claim is not None and claim.person is not None:
            people.locked(claim.person.pk)
        capture = captures.row(kept, source=source)
        capture.save()
        verification = Verification.objects.create(
            owner=owner, api_key_id=owner.api_key_id, mode=mode, capture=capture, **whom, **search.fields
        )
        attempts.admit(verification, owner)
        if challenge is not None:
            if capture.kind == Capture.Kind.PHOTO:
                raise Refusal("challenge_needs_clip", attr="challenge_id")
            challenges.use(challenge=challenge, verification=verification)
        if taken_from is not None:
            uploads.use(taken_from)
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
    verification = Verification.objects.select_related("person", "capture", "api_key").get(pk=verification_id)
    if verification.is_done:
        return
    challenge = Challenge.objects.filter(verification=verification).first()
    progress = Progress(lease, FRAMES_LOOKED_AT)
    try:
        probe, performance = _looked_at(verification, challenge, progress)
    except KeyDestroyedError:
        _give_up(verification, lease, "not_found")  # erased or cancelled meanwhile
        return
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        _give_up(verification, lease, refusal.code)
        return
    others = signals.of_capture(verification, [frame.image for frame in probe.frames])
    progress.deciding()
    verification.timings = progress.timings
    with evidence.kept(verification, probe) as frames, lease.effects():
        _hold(verification)
        _conclude(verification, probe, performance.verdict if performance else None, others)
        evidence.record(verification, probe, frames)


@transaction.atomic
def cancel(*, verification: Verification, actor: User) -> None:
    """End a verification that is not done: its work, if under way, stops at its next step; what was sent is destroyed.

    A client app may cancel its own, hr and admin any.
    Raises Refusal "permission_denied" or "already_decided".
    """
    if verification.owner_id != actor.pk and not actor.has_role("hr", "admin"):
        raise Refusal("permission_denied")
    jobs.cancel(kind="verification", subject_id=verification.id)
    held = Verification.objects.select_for_update(no_key=True).get(pk=verification.pk)
    if held.is_done:
        raise Refusal("already_decided", "This verification is done.")
    capture, held.capture = held.capture, None
    if capture is not None:
        erase_captures([capture])
    _close(held, Outcome.FAILED, ("cancelled",), actor)


@transaction.atomic
def fail(*, verification_id: uuid.UUID, code: str) -> None:
    """Close a verification whose work was given up."""
    verification = Verification.objects.select_for_update().get(pk=verification_id)
    if not verification.is_done:
        _close(verification, Outcome.FAILED, (code,))


def end_erased(verification: Verification) -> None:
    """End, in the transaction that erases its person, one that waits: for its work, or for a reviewer."""
    if not verification.is_done:
        verification.capture = None
        _close(verification, Outcome.FAILED, ("person_erased",))
    elif verification.decision == Verification.Decision.PENDING:
        verification.decision, verification.decided_at = Verification.Decision.REJECTED, timezone.now()
        verification.reasons = [*verification.reasons, "person_erased"]
        verification.save(update_fields=["decision", "decided_at", "reasons"])
        _tell_decision(verification, None)


def apply_verdict(review: Review) -> User | None:
    """Carry out a reviewer's verdict and return who asked. The machine's outcome stays as it was."""
    verification = Verification.objects.select_for_update().get(pk=review.subject_id)
    verification.decision, verification.decided_at = Verification.Decision(review.verdict), timezone.now()
    if verification.decision == Verification.Decision.APPROVED and set(claims.HIDDEN) & set(verification.reasons):
        raise Refusal("not_enrolled", "There was nobody to compare this face with.")
    verification.save(update_fields=["decision", "decided_at"])
    attempts.note_verdict(verification)
    _tell_decision(verification, review.decided_by)
    return verification.owner


def _looked_at(
    verification: Verification, challenge: Challenge | None, progress: Progress
) -> tuple[Probe, Performance | None]:
    """Return what the capture shows; of a challenge, also how it was performed."""
    capture = _capture_of(verification)
    see = partial(
        look,
        vision=vision(),
        pack=verification.pack,
        same_person_from=same_person_from,
        analyzed=progress.analyzed,
    )
    if challenge is None:
        with captures.images_of(capture, most_frames=FRAMES_LOOKED_AT, shows=verification.person) as images:
            return see(progress.coming(images)), None
    with captures.movement_of(
        capture,
        frames_per_s=performances.FRAMES_PER_S,
        longest_s=performances.longest_s(challenge.steps),
        most_side=performances.MOST_SIDE,
    ) as images:
        movement = Movement.of(progress.coming(images))
    performance = _performance(verification, movement, challenge)
    return see(performance.stills), performance


def _give_up(verification: Verification, lease: Lease, code: str) -> None:
    with lease.effects():
        _hold(verification)
        _close(verification, Outcome.FAILED, (code,))


def _performance(verification: Verification, movement: Movement, challenge: Challenge) -> Performance:
    if challenge.used_at is None:
        raise ValueError("only a challenge in use has a clip")
    return performances.watch(
        movement,
        steps=challenge.steps,
        clip_s=_capture_of(verification).duration_s,
        available=challenge.used_at - challenge.issued_at,
        vision=vision(),
        same_person_from=same_person_from,
    )


def _hold(verification: Verification) -> None:
    """Lock the row, and let go of a person or capture that was erased meanwhile."""
    held = Verification.objects.select_for_update(no_key=True).get(pk=verification.pk)
    if held.person_id is None:
        verification.person = None
    if held.capture_id is None:
        verification.capture = None


def _conclude(
    verification: Verification, probe: Probe, verdict: Verdict | None, others: tuple[AttackSignal, ...]
) -> None:
    """Decide and write what follows.

    verdict: on the challenge; None where there was none. What it finds wanting is a reason of its own.
    others: signals of the capture as a whole.
    """
    verification.frame_count = len(probe.counted)
    verification.model = probe.template.model if probe.template else ""
    attack = check(probe.attack, attack_policy_of, others if verdict is None else (verdict.signal, *others))
    if verdict is not None and verdict.code:
        probe = replace(probe, reasons=(verdict.code, *probe.reasons))
    if verification.mode == Verification.Mode.VERIFICATION:
        _conclude_verification(verification, probe, attack, verdict)
    else:
        _conclude_identification(verification, probe, attack, verdict)


def _conclude_verification(
    verification: Verification, probe: Probe, attack: AttackCheck, verdict: Verdict | None
) -> None:
    template, missing = probe.template, claims.missing(verification.person)
    person = None if missing else verification.person
    reference = templates.reference(person=person, model=template.model) if person and template else None
    seen = VerificationEvidence(
        score=evidence.score(probe.template, reference),
        references=reference.count if reference else 0,
        probes=len(probe.counted),
        attack=attack,
        reasons=probe.reasons,
        several_people=probe.several_people,
        missing=missing or claims.NOT_ENROLLED,
    )
    policy = policy_of(verification.model)
    found = decide(seen, policy, rules())
    verification.reference_count = seen.references
    _note(verification, found, verdict, policy)
    verification.confidence = found.confidence
    verification.score, verification.similarity = found.score, found.similarity
    _close(verification, found.outcome, found.reasons)


def _conclude_identification(
    verification: Verification, probe: Probe, attack: AttackCheck, verdict: Verdict | None
) -> None:
    searched = gallery.Search((), 0)
    if probe.template is not None:
        limit = verification.api_key.gallery if verification.api_key else None
        person_ids = gallery.people_within(limit, verification.searched)
        searched = gallery.search(probe=probe.template, count=verification.top_k, person_ids=person_ids)
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
    _note(verification, found, verdict, policy)
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


def _note(
    verification: Verification, found: Decision | Identification, verdict: Verdict | None, policy: Policy | None
) -> None:
    verification.policy, verification.threshold = found.policy, found.threshold
    verification.policy_caveats = list(map(str, policy.caveats(VERIFICATION_FMR))) if policy else []
    verification.attack_outcome, verification.attack_score = found.attack.outcome, found.attack.score
    verification.signals = [_recorded(signal, verdict) for signal in found.attack.signals]


def _recorded(signal: AttackSignal, verdict: Verdict | None) -> dict[str, Any]:
    """Return a signal as it is kept; the challenge's with what was seen, and when."""
    kept = {**asdict(signal), "outcome": str(signal.outcome)}
    if verdict is not None and signal.detector == CHALLENGE:
        kept["gestures"] = [asdict(gesture) for gesture in verdict.gestures]
    return kept


def _close(verification: Verification, outcome: Outcome, reasons: tuple[str, ...], actor: User | None = None) -> None:
    now = timezone.now()
    notes = verification.capture.notes if verification.capture else []
    verification.outcome, verification.reasons, verification.finished_at = outcome, [*reasons, *notes], now
    settled = {Outcome.APPROVED: Verification.Decision.APPROVED, Outcome.NEEDS_REVIEW: Verification.Decision.PENDING}
    verification.decision = settled.get(outcome, Verification.Decision.REJECTED)
    verification.decided_at = None if outcome == Outcome.NEEDS_REVIEW else now
    verification.save()
    attempts.note_outcome(verification)
    if verification.capture is not None:
        verification.capture.save(update_fields=["width", "height", "duration_s", "notes", "looks_marks", "provenance"])
    if outcome == Outcome.NEEDS_REVIEW:
        clips.promise(verification)
        risk = _risk(verification)
        reviews.open_review(
            kind="verification", subject_id=verification.id, reasons=tuple(verification.reasons), risk=risk
        )
    _tell_decision(verification, actor)


def _risk(verification: Verification) -> float:
    """Return 0..1: a suspected attack first, then what could not be told, then close scores."""
    if verification.attack_outcome == AttackOutcome.ATTACK:
        return 0.5 + 0.5 * (1.0 if verification.attack_score is None else verification.attack_score)
    doubts = {"capture_reused", "possible_injection", "attack_suspected", "attack_check_inconclusive"}
    return 0.4 if doubts & set(verification.reasons) else 0.2


def _capture_of(verification: Verification) -> Capture:
    if verification.capture is None:
        raise Refusal("not_found", "The capture of this verification was erased.")
    return verification.capture


def _tell_decision(verification: Verification, actor: User | None) -> None:
    """Audit what was found or decided and tell whoever follows it; webhooks are told once it is decided."""
    news.tell("verification", verification.id)
    found = {"outcome": verification.outcome, "decision": verification.decision, "reasons": verification.reasons}
    if verification.decision != Verification.Decision.PENDING:
        person_id = verification.person_id if claims.is_told(verification) else None
        ids = {"verification_id": verification.id, "person_id": person_id}
        data = {**ids, "mode": verification.mode, **found, "reasons": claims.as_told(verification.reasons)}
        webhooks.emit(EventType.VERIFICATION_DECIDED, data, about=verification.owner)
    audit.record(
        action=Action.VERIFICATION_DECIDED,
        subject_kind="verification",
        subject_id=verification.id,
        actor=actor,
        details=found,
    )
