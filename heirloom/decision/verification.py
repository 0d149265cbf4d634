"""One claimed person, one probe: the outcome, and why.

The order of precedence: cannot be computed: failed; attack found: needs_review; no match: rejected; a signal
inconclusive, a live person vouched for by one check alone, or a score near the threshold: needs_review; else approved.
What is missing never approves.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from heirloom.decision.attack import AttackCheck
from heirloom.decision.policy import Policy, Zone
from heirloom.vision.types import AttackOutcome

COMPARE_FMR = 1e-3
VERIFICATION_FMR = 1e-4
IDENTIFICATION_FPIR = 1e-3
"""What NIST SP 800-63A-4 asks of searches, for each demographic group."""


class Outcome(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    NEEDS_REVIEW = "needs_review"
    FAILED = "failed"


class Reading(StrEnum):
    """How one score reads against its zone."""

    MATCH = "match"
    NEAR = "near"
    NO_MATCH = "no_match"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner of the installation asks for.

    fmr: the operating point of 1:1, COMPARE_FMR or VERIFICATION_FMR.
    target_fpir: the share of searches of strangers that may name somebody, for 1:N and the duplicate check.
    approving_alone: of decision.attack.CHALLENGE_ALONE and PASSIVE_ALONE, whose word alone may approve.
    """

    fmr: float = VERIFICATION_FMR
    attack_check_required: bool = True
    target_fpir: float = IDENTIFICATION_FPIR
    approving_alone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class VerificationEvidence:
    """What was measured.

    score: the raw score of the probe against the mean of `references` templates; None when it could not be computed.
    probes: how many frames the probe's template is the mean of.
    attack: what all attack signals say together.
    reasons: codes of errors.CODES: what falls short in the probe's quality, or why there is no score.
    missing: the code that says why there are no references, where there are none.
    """

    score: float | None
    references: int
    probes: int
    attack: AttackCheck
    reasons: tuple[str, ...]
    several_people: bool
    missing: str = "not_enrolled"


@dataclass(frozen=True, slots=True)
class Decision:
    """The machine's outcome. It never changes; what a human says stands beside it.

    reasons: codes, the deciding one first; empty only for a plain approval.
    similarity: in [0, 1], 0.5 exactly at the threshold; None where nothing was measured or computed.
    threshold: the raw score of a match at the operating point. confidence: that match or no match is the right answer.
    policy: its name, "" where there is none. attack: all attack signals taken together.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    similarity: float | None
    score: float | None
    threshold: float | None
    confidence: float | None
    policy: str
    attack: AttackCheck

    @property
    def is_match(self) -> bool:
        """Whether the score reaches the threshold, whatever else was found."""
        return self.score is not None and self.threshold is not None and self.score >= self.threshold


def decide(evidence: VerificationEvidence, policy: Policy | None, rules: Rules) -> Decision:
    """Return the outcome of one 1:1 comparison.

    A face with nobody to be compared with is nobody's who was claimed: what comes of it does not tell the two apart.
    A face that matches but whose quality falls short, or a clip with several people, goes to review.
    """
    attack = evidence.attack
    name = policy.name if policy else ""
    score = evidence.score
    if evidence.references < 1 <= evidence.probes:
        return _decide_without_references(evidence, policy, rules)
    if score is None or not math.isfinite(score) or evidence.probes < 1:
        return Decision(Outcome.FAILED, _why_not_computed(evidence), None, None, None, None, name, attack)
    zone = policy.zone(evidence.references, evidence.probes, rules.fmr) if policy else None
    outcome, reasons = weigh(read(score, zone), attack, _faults(evidence), rules)
    if policy is None or zone is None:
        return Decision(outcome, reasons, None, score, None, None, name, attack)
    similarity = policy.similarity(score, zone.threshold)
    confidence = policy.confidence(score, evidence.references, evidence.probes, matched=score >= zone.threshold)
    return Decision(outcome, reasons, similarity, score, zone.threshold, confidence, name, attack)


def _decide_without_references(evidence: VerificationEvidence, policy: Policy | None, rules: Rules) -> Decision:
    zone = policy.zone(1, evidence.probes, rules.fmr) if policy else None
    measured = zone is not None and zone.reject_below is not None
    reading = Reading.NO_MATCH if measured else Reading.UNMEASURED
    outcome, reasons = weigh(reading, evidence.attack, _faults(evidence), rules)
    named = [evidence.missing if code == "no_match" else code for code in reasons]
    name = policy.name if policy else ""
    return Decision(outcome, _codes(*named, evidence.missing), None, None, None, None, name, evidence.attack)


def _faults(evidence: VerificationEvidence) -> list[str]:
    return [*evidence.reasons, *(["several_people_in_clip"] if evidence.several_people else [])]


def read(score: float, zone: Zone | None) -> Reading:
    """Return how a score reads; where the zone says nothing of it, it is unmeasured, never a match."""
    if zone is None or not math.isfinite(score):
        return Reading.UNMEASURED
    if zone.reject_below is not None and score < zone.reject_below:
        return Reading.NO_MATCH
    if zone.approve_from is None:
        return Reading.UNMEASURED
    return Reading.MATCH if score >= zone.approve_from else Reading.NEAR


def weigh(
    reading: Reading, attack: AttackCheck, faults: Iterable[str], rules: Rules
) -> tuple[Outcome, tuple[str, ...]]:
    """Return the outcome and its reasons, in the order of precedence.

    faults: codes that keep a match from passing alone.
    """
    found = ["no_match"] if reading is Reading.NO_MATCH else []
    if attack.outcome is AttackOutcome.ATTACK:
        return Outcome.NEEDS_REVIEW, _codes(*attack.reasons, *found, *faults)
    doubts = [*faults, *attack.reasons]
    notes: list[str] = []
    if attack.outcome is not AttackOutcome.BONA_FIDE:
        if rules.attack_check_required:
            doubts += ["attack_check_inconclusive", *attack.to_mend]
        else:
            notes.append("attack_check_waived")
    elif attack.only_voucher:
        # Whoever waives the whole check waives the second voucher too.
        accepted = attack.only_voucher in rules.approving_alone or not rules.attack_check_required
        (notes if accepted else doubts).append(f"{attack.only_voucher}_accepted" if accepted else attack.only_voucher)
    if found:
        return Outcome.REJECTED, _codes(*found, *doubts, *notes)
    if reading is not Reading.MATCH:
        doubts.insert(0, "score_near_threshold" if reading is Reading.NEAR else "score_not_calibrated")
    return (Outcome.NEEDS_REVIEW if doubts else Outcome.APPROVED), _codes(*doubts, *notes)


def _why_not_computed(evidence: VerificationEvidence) -> tuple[str, ...]:
    if evidence.reasons:
        return _codes(*evidence.reasons)
    return ("no_face",) if evidence.probes < 1 else ("internal_error",)


def _codes(*codes: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes))
