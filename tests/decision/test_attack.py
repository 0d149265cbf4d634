"""Attack signals are weighed together: who may vouch, who can only accuse, and that silence vouches for nothing."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from heirloom.decision import attack_policy
from heirloom.decision.attack import AttackCheck, check, hear, weigh_signals
from heirloom.decision.attack_policy import AttackPolicy, dump, load, parse
from heirloom.decision.policy_cells import PolicyError
from heirloom.errors import CODES
from heirloom.vision.types import AttackOutcome, AttackSignal
from tests.decision import made

BONA_FIDE, ATTACK, INCONCLUSIVE = AttackOutcome.BONA_FIDE, AttackOutcome.ATTACK, AttackOutcome.INCONCLUSIVE
SUSPICIOUS, CLEAR = AttackOutcome.SUSPICIOUS, AttackOutcome.CLEAR


def frames(*scores: float, by: str = "minifasnet") -> list[AttackSignal]:
    return [AttackSignal(by, ATTACK if score >= 0.5 else BONA_FIDE, score) for score in scores]


def heard(*signals: AttackSignal) -> AttackSignal:
    return hear("minifasnet", signals, made.attack_policy())


def known(detector: str) -> AttackPolicy | None:
    return None if detector == "unmeasured" else made.attack_policy(detector)


def checked(*others: AttackSignal, passive: list[AttackSignal] | None = None) -> AttackCheck:
    return check(passive or [], known, others)


PASSED = AttackSignal("challenge", BONA_FIDE)
REPLAYED = AttackSignal("challenge", ATTACK, 1.0)
NOT_SHOWN = AttackSignal("challenge", INCONCLUSIVE, None, "not_shown")
NOT_INSTALLED = [AttackSignal("minifasnet", INCONCLUSIVE, None, "not_installed")] * 3
LIVE = frames(0.1, 0.1, 0.1)
TIGHT = [AttackSignal("minifasnet", INCONCLUSIVE, None, "face_too_tight")] * 3


def test_frames_speak_by_their_median() -> None:
    assert heard(*frames(0.1, 0.2, 0.9)) == AttackSignal("minifasnet", BONA_FIDE, 0.2)
    assert heard(*frames(0.1, 0.8, 0.9)) == AttackSignal("minifasnet", ATTACK, 0.8)


def test_a_median_near_the_threshold_is_inconclusive_and_keeps_its_score() -> None:
    said = heard(*frames(0.55, 0.55, 0.55))
    assert (said.outcome, said.score, said.why) == (INCONCLUSIVE, 0.55, "score_near_threshold")


def test_one_frame_must_be_clearer_than_three() -> None:
    assert heard(*frames(0.35)).outcome is INCONCLUSIVE
    assert heard(*frames(0.35, 0.35, 0.35)).outcome is BONA_FIDE


def test_a_few_frames_that_could_be_judged_do_not_clear_the_rest() -> None:
    assert heard(made.BONA_FIDE, made.INCONCLUSIVE, made.INCONCLUSIVE).outcome is INCONCLUSIVE
    assert heard(made.BONA_FIDE, made.BONA_FIDE, made.INCONCLUSIVE).outcome is BONA_FIDE
    assert heard(made.ATTACK, made.INCONCLUSIVE, made.INCONCLUSIVE).outcome is ATTACK


def test_an_attack_without_a_number_is_still_an_attack() -> None:
    for score in (None, math.nan, 7.0):
        assert heard(AttackSignal("minifasnet", ATTACK, score)).outcome is ATTACK


@pytest.mark.parametrize(
    "signal",
    [
        AttackSignal("minifasnet", cast("AttackOutcome", "unheard_of"), 0.0),
        AttackSignal("minifasnet", BONA_FIDE, None),
        AttackSignal("minifasnet", BONA_FIDE, math.nan),
    ],
)
def test_what_says_nothing_usable_is_not_heard(signal: AttackSignal) -> None:
    assert heard(signal).outcome is INCONCLUSIVE


def test_a_detector_without_a_policy_is_not_believed() -> None:
    assert hear("unmeasured", frames(0.0, 0.0, 0.0), None).why == "not_calibrated"
    assert weigh_signals([hear("unmeasured", frames(0.0), None)]).outcome is INCONCLUSIVE


def test_nobody_asked_is_inconclusive() -> None:
    assert checked() == AttackCheck(INCONCLUSIVE, None, (), ())


def test_a_passive_detector_vouches_alone() -> None:
    assert checked(passive=frames(0.1, 0.1, 0.2)).outcome is BONA_FIDE


def test_a_passed_challenge_vouches_where_no_detector_is_installed() -> None:
    assert checked(PASSED, passive=NOT_INSTALLED).outcome is BONA_FIDE
    assert checked(PASSED).outcome is BONA_FIDE


def test_a_passed_challenge_does_not_outvote_a_passive_attack() -> None:
    found = checked(PASSED, passive=frames(0.9, 0.9, 0.9))
    assert (found.outcome, found.score, found.reasons) == (ATTACK, 0.9, ("presentation_attack",))


def test_a_passed_challenge_does_not_outvote_a_passive_doubt() -> None:
    assert checked(PASSED, passive=frames(0.5, 0.5, 0.5)).outcome is INCONCLUSIVE
    assert checked(PASSED, passive=TIGHT).outcome is INCONCLUSIVE


def test_a_challenge_not_shown_is_not_made_up_for_by_a_detector() -> None:
    assert checked(NOT_SHOWN, passive=frames(0.1, 0.1, 0.1)).outcome is INCONCLUSIVE


def test_a_replayed_challenge_is_an_attack() -> None:
    assert checked(REPLAYED, passive=frames(0.1, 0.1, 0.1)).outcome is ATTACK


@pytest.mark.parametrize("detector", ["reuse", "injection", "deep-tree", "of-tomorrow"])
def test_what_can_only_accuse_never_vouches(detector: str) -> None:
    for outcome in (CLEAR, BONA_FIDE):
        found = checked(AttackSignal(detector, outcome, 0.0), passive=NOT_INSTALLED)
        assert (found.outcome, found.only_voucher) == (INCONCLUSIVE, "")


@pytest.mark.parametrize("detector", ["deep-tree", "of-tomorrow"])
def test_bona_fide_frames_of_an_accuser_are_clear_and_no_more(detector: str) -> None:
    found = checked(passive=frames(0.0, 0.0, 0.0, by=detector))
    assert [signal.outcome for signal in found.signals] == [CLEAR]
    assert (found.outcome, found.only_voucher) == (INCONCLUSIVE, "")


@pytest.mark.parametrize("voucher", ["minifasnet", "challenge"])
def test_an_accuser_is_no_second_voucher(voucher: str) -> None:
    vouched = AttackSignal(voucher, BONA_FIDE, 0.1)
    clear = hear("deep-tree", frames(0.0, 0.0, 0.0, by="deep-tree"), known("deep-tree"))
    assert weigh_signals([vouched, clear]).only_voucher == weigh_signals([vouched]).only_voucher != ""


def test_an_accuser_that_suspects_is_heard_beside_all_who_vouch() -> None:
    found = checked(PASSED, passive=[*LIVE, *frames(0.9, 0.9, 0.9, by="deep-tree")])
    assert [signal.outcome for signal in found.signals] == [BONA_FIDE, SUSPICIOUS, BONA_FIDE]
    assert found.reasons == ("attack_suspected",)
    assert "attack_suspected" in CODES


@pytest.mark.parametrize("why", ["not_installed", "face_too_tight", "blurred", "score_near_threshold"])
def test_an_accuser_that_cannot_say_changes_nothing(why: str) -> None:
    silent = [AttackSignal("deep-tree", INCONCLUSIVE, None, why)] * 3
    for others in ((), (PASSED,), (NOT_SHOWN,), (REPLAYED,)):
        without, beside = checked(*others, passive=LIVE), checked(*others, passive=[*LIVE, *silent])
        assert replace(beside, signals=()) == replace(without, signals=())
        assert (beside.only_voucher, beside.to_mend) == (without.only_voucher, without.to_mend)


def test_a_face_too_near_to_be_judged_is_told_to_who_can_mend_it() -> None:
    assert checked(passive=TIGHT).to_mend == ("face_too_tight",)
    assert checked(passive=NOT_INSTALLED).to_mend == checked(PASSED).to_mend == checked(NOT_SHOWN).to_mend == ()
    assert "face_too_tight" in CODES


@pytest.mark.parametrize(("detector", "code"), [("reuse", "capture_reused"), ("injection", "possible_injection")])
def test_an_accusation_has_its_own_code(detector: str, code: str) -> None:
    suspicious = checked(AttackSignal(detector, SUSPICIOUS, 0.5), passive=frames(0.1, 0.1, 0.1))
    assert (suspicious.outcome, suspicious.reasons) == (BONA_FIDE, (code,))
    certain = checked(AttackSignal(detector, ATTACK, 0.9), passive=frames(0.1, 0.1, 0.1))
    assert (certain.outcome, certain.reasons) == (ATTACK, (code,))
    assert code in CODES


def test_every_signal_is_kept() -> None:
    clear = AttackSignal("reuse", CLEAR)
    signals = checked(PASSED, clear, passive=frames(0.1, 0.1, 0.1)).signals
    assert [signal.detector for signal in signals] == ["minifasnet", "challenge", "reuse"]


def test_the_packaged_policy_says_how_little_it_rests_on() -> None:
    policy = load("minifasnet")
    assert policy is not None
    assert policy.provenance.note
    assert policy.cell(1) != policy.cell(5)
    assert all(path.stem == parse(path.read_text()).detector for path in attack_policy.PACKAGED.glob("*.json"))


def test_an_operators_policy_wins(tmp_path: Path) -> None:
    raw = json.loads(dump(made.attack_policy("minifasnet")))
    (tmp_path / "minifasnet.json").write_text(json.dumps({**raw, "name": "own@1"}))
    found = load("minifasnet", tmp_path)
    assert found is not None
    assert found.name == "own@1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": []}, "no measured cell"),
        ({"name": ""}, "no name"),
        ({"provenance": {}}, "not an attack policy"),
        ({"cells": [{"fewest_frames": 1}]}, "not an attack policy"),
    ],
)
def test_a_broken_attack_policy_is_refused_loudly(change: dict[str, object], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        parse(json.dumps({**json.loads(dump(made.attack_policy())), **change}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attack_from": 0.4}, "zone"),
        ({"bona_fide_errors": 101}, "more errors"),
        ({"attacks": 0, "attack_errors": 0}, "nothing was measured"),
        ({"fewest_frames": 9}, "order"),
    ],
)
def test_a_cell_that_contradicts_itself_is_refused(change: dict[str, object], words: str) -> None:
    raw = json.loads(dump(made.attack_policy()))
    raw["cells"][0].update(change)
    with pytest.raises(PolicyError, match=words):
        parse(json.dumps(raw))
