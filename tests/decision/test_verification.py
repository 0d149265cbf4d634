import math
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from heirloom.decision.attack import AttackCheck, weigh_signals
from heirloom.decision.policy import Policy
from heirloom.decision.verification import COMPARE_FMR, Outcome, Rules, VerificationEvidence, decide
from heirloom.errors import CODES
from heirloom.vision.types import AttackOutcome, AttackSignal
from tests.decision import made

CLEAR_MATCH, NEAR, STRANGER = 0.99, 0.85, 0.30


def evidence(
    score: float | None = CLEAR_MATCH, attack: AttackCheck = made.LIVE, **more: object
) -> VerificationEvidence:
    values: dict[str, object] = {"references": 1, "probes": 1, "reasons": (), "several_people": False, **more}
    return VerificationEvidence(score=score, attack=attack, **values)  # type: ignore[arg-type]


def test_a_clear_match_of_a_live_person_is_approved() -> None:
    decision = decide(evidence(), made.policy(), Rules())
    assert (decision.outcome, decision.reasons, decision.policy) == (Outcome.APPROVED, (), "made@1")
    assert decision.is_match
    assert decision.similarity is not None
    assert decision.similarity > 0.5


def test_a_stranger_is_rejected() -> None:
    decision = decide(evidence(STRANGER), made.policy(), Rules())
    assert (decision.outcome, decision.reasons) == (Outcome.REJECTED, ("no_match",))


def test_a_suspected_attack_never_matches() -> None:
    for score, required, reasons in product((CLEAR_MATCH, NEAR, STRANGER), (True, False), ((), ("blurred",))):
        decision = decide(
            evidence(score, made.SPOOFED, reasons=reasons), made.policy(), Rules(attack_check_required=required)
        )
        assert decision.outcome is Outcome.NEEDS_REVIEW
        assert decision.reasons[0] == "presentation_attack"


def test_a_score_near_the_threshold_goes_to_a_human() -> None:
    for score in (0.80, 0.85, 0.8999, 0.90, 0.9049):
        decision = decide(evidence(score), made.policy(), Rules())
        assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, ("score_near_threshold",))
    assert decide(evidence(0.7999), made.policy(), Rules()).outcome is Outcome.REJECTED
    assert decide(evidence(0.905), made.policy(), Rules()).outcome is Outcome.APPROVED


def test_what_is_merely_suspicious_goes_to_a_human_if_the_face_matches() -> None:
    decision = decide(evidence(attack=made.REUSED), made.policy(), Rules())
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, ("capture_reused",))
    decision = decide(evidence(STRANGER, made.REUSED), made.policy(), Rules())
    assert (decision.outcome, decision.reasons) == (Outcome.REJECTED, ("no_match", "capture_reused"))


def test_suspicion_is_never_waived() -> None:
    suspicion = weigh_signals([made.SUSPICION])
    decision = decide(evidence(attack=suspicion), made.policy(), Rules(attack_check_required=False))
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, ("capture_reused", "attack_check_waived"))


def test_comparing_two_pictures_uses_a_more_lenient_point() -> None:
    rules = Rules(fmr=COMPARE_FMR)
    assert decide(evidence(0.85), made.policy(), rules).outcome is Outcome.APPROVED
    assert decide(evidence(0.75), made.policy(), rules).outcome is Outcome.NEEDS_REVIEW
    assert decide(evidence(0.65), made.policy(), rules).outcome is Outcome.REJECTED


def test_more_references_need_a_higher_score() -> None:
    assert decide(evidence(0.91), made.policy(), Rules()).outcome is Outcome.APPROVED
    assert decide(evidence(0.91, references=3), made.policy(), Rules()).outcome is Outcome.NEEDS_REVIEW


def test_without_an_attack_check_a_match_waits_for_a_human() -> None:
    decision = decide(evidence(attack=made.UNASKED), made.policy(), Rules())
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, ("attack_check_inconclusive",))


def test_a_face_too_near_to_be_judged_waits_for_a_human_and_the_sender_is_told_what_to_do() -> None:
    decision = decide(evidence(attack=made.UNTOLD), made.policy(), Rules())
    told = ("attack_check_inconclusive", "face_too_tight")
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, told)
    found = decide(evidence(STRANGER, made.UNTOLD), made.policy(), Rules())
    assert (found.outcome, found.reasons) == (Outcome.REJECTED, ("no_match", *told))


def test_an_owner_may_waive_the_attack_check_and_the_record_says_so() -> None:
    decision = decide(evidence(attack=made.UNASKED), made.policy(), Rules(attack_check_required=False))
    assert (decision.outcome, decision.reasons) == (Outcome.APPROVED, ("attack_check_waived",))


def test_a_waiver_is_not_named_where_the_check_was_made() -> None:
    assert decide(evidence(), made.policy(), Rules(attack_check_required=False)).reasons == ()


@pytest.mark.parametrize(
    ("signal", "code"), [(made.PERFORMED, "challenge_alone"), (made.BONA_FIDE, "passive_check_alone")]
)
def test_one_voucher_alone_is_evidence_and_not_proof(signal: AttackSignal, code: str) -> None:
    alone = weigh_signals([signal])
    decision = decide(evidence(attack=alone), made.policy(), Rules())
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, (code,))
    other = frozenset({"challenge_alone", "passive_check_alone"} - {code})
    decision = decide(evidence(attack=alone), made.policy(), Rules(approving_alone=other))
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, (code,))


def test_no_word_of_an_accusing_detector_approves() -> None:
    """Whatever it says, and whatever the owner waives of the vouchers, it never makes an approval of what was none."""
    lenient = Rules(approving_alone=frozenset({"challenge_alone", "passive_check_alone"}))
    for outcome in AttackOutcome:
        said = replace(made.BONA_FIDE, detector="deep-tree", outcome=outcome, score=0.0)
        for others in ([], [made.INCONCLUSIVE], [made.ATTACK], [made.BONA_FIDE, made.INCONCLUSIVE]):
            attack = weigh_signals([*others, said])
            assert decide(evidence(attack=attack), made.policy(), lenient).outcome is Outcome.NEEDS_REVIEW
        alone = decide(evidence(attack=weigh_signals([made.BONA_FIDE, said])), made.policy(), Rules())
        assert alone.outcome is Outcome.NEEDS_REVIEW
        assert "passive_check_alone" in alone.reasons or outcome is AttackOutcome.ATTACK


def test_a_suspicion_of_an_accusing_detector_goes_to_a_human_if_the_face_matches() -> None:
    suspicion = replace(made.ATTACK, detector="deep-tree", outcome=AttackOutcome.SUSPICIOUS)
    for attack in (weigh_signals([made.BONA_FIDE, made.PERFORMED, suspicion]), weigh_signals([suspicion])):
        decision = decide(evidence(attack=attack), made.policy(), Rules(attack_check_required=False))
        assert (decision.outcome, decision.reasons[0]) == (Outcome.NEEDS_REVIEW, "attack_suspected")
        assert decide(evidence(STRANGER, attack), made.policy(), Rules()).outcome is Outcome.REJECTED


@pytest.mark.parametrize(
    ("signal", "code"), [(made.PERFORMED, "challenge_alone"), (made.BONA_FIDE, "passive_check_alone")]
)
def test_an_owner_may_let_one_voucher_approve_and_the_record_says_so(signal: AttackSignal, code: str) -> None:
    alone = evidence(attack=weigh_signals([signal]))
    for rules in (Rules(approving_alone=frozenset({code})), Rules(attack_check_required=False)):
        decision = decide(alone, made.policy(), rules)
        assert (decision.outcome, decision.reasons) == (Outcome.APPROVED, (f"{code}_accepted",))


def test_a_stranger_is_rejected_even_when_the_attack_check_could_not_tell() -> None:
    decision = decide(evidence(STRANGER, made.UNASKED), made.policy(), Rules())
    assert (decision.outcome, decision.reasons) == (Outcome.REJECTED, ("no_match", "attack_check_inconclusive"))


def test_a_model_without_a_policy_never_decides_alone() -> None:
    decision = decide(evidence(), None, Rules())
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, ("score_not_calibrated",))
    assert decision.threshold is decision.similarity is decision.confidence is None


def test_a_target_that_was_not_measured_never_approves() -> None:
    decision = decide(evidence(1.0), made.policy(), Rules(fmr=1e-7))
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, ("score_not_calibrated",))
    assert decide(evidence(STRANGER), made.policy(), Rules(fmr=1e-7)).outcome is Outcome.REJECTED


def test_what_cannot_be_computed_fails_with_its_reason() -> None:
    assert decide(evidence(None, reasons=("no_face",)), made.policy(), Rules()).reasons == ("no_face",)
    assert decide(evidence(None, probes=0), made.policy(), Rules()).reasons == ("no_face",)
    for score in (None, math.nan, math.inf, -math.inf):
        assert decide(evidence(score), made.policy(), Rules()).outcome is Outcome.FAILED


def test_with_nobody_to_compare_with_it_is_nobody_who_was_claimed() -> None:
    """What comes of it is what comes of a stranger's face, but for the reason."""
    cases: tuple[dict[str, Any], ...] = (
        {},
        {"reasons": ("blurred",)},
        {"several_people": True},
        {"attack": made.SPOOFED},
        {"attack": made.UNTOLD},
    )
    for seen in cases:
        stranger = decide(evidence(STRANGER, **seen), made.policy(), Rules())
        nobody = decide(evidence(None, references=0, missing="person_unknown", **seen), made.policy(), Rules())
        assert nobody.outcome is stranger.outcome
        assert nobody.reasons == tuple("person_unknown" if one == "no_match" else one for one in stranger.reasons)
        assert nobody.similarity is nobody.threshold is nobody.confidence is None
    unmeasured = decide(evidence(None, references=0), None, Rules())
    assert (unmeasured.outcome, unmeasured.reasons[0]) == (Outcome.NEEDS_REVIEW, "score_not_calibrated")


def test_a_poor_picture_or_a_crowd_goes_to_a_human() -> None:
    assert decide(evidence(reasons=("blurred",)), made.policy(), Rules()).reasons == ("blurred",)
    decision = decide(evidence(several_people=True), made.policy(), Rules())
    assert (decision.outcome, decision.reasons) == (Outcome.NEEDS_REVIEW, ("several_people_in_clip",))


@pytest.mark.parametrize("policy", [made.policy(), None])
def test_a_missing_signal_is_never_a_pass(policy: Policy | None) -> None:
    scores = (None, math.nan, math.inf, STRANGER, NEAR, CLEAR_MATCH)
    checks = (made.LIVE, made.UNASKED, made.UNTOLD, made.SPOOFED, made.REUSED)
    grid = product(
        scores, checks, (0, 1, 3, 9), (0, 1, 9), ((), ("blurred",)), (True, False), (1e-4, 1e-9, 0.0, math.nan)
    )
    for score, attack, references, probes, reasons, crowd, fmr in grid:
        given = VerificationEvidence(score, references, probes, attack, reasons, crowd)
        decision = decide(given, policy, Rules(fmr=fmr))
        assert set(decision.reasons) <= set(CODES)
        whole = policy is not None and score == CLEAR_MATCH and attack is made.LIVE and references and probes
        assert (decision.outcome is Outcome.APPROVED) == bool(whole and not reasons and not crowd and fmr == 1e-4)
        assert decision.outcome is Outcome.APPROVED or decision.reasons
