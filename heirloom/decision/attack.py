"""All that speaks for or against a live person before the camera, weighed together. No signal is trusted alone.

Who may say what:
- MiniFASNet looks at frames, the active challenge at the whole clip. Only these can vouch: one of them must find a bona
  fide capture, and none of them may doubt it. A passed challenge does not outvote MiniFASNet.
- One voucher alone is evidence, not proof, for the file may come from anywhere: a program bends one photo to a
  challenge's gestures, and a photo from the press shows no detector a screen. What has only one is for a human
  (decision.verification.weigh), unless the owner of the installation lets that one approve.
- Every other detector of pixels (the deep tree), the capture's history and its metadata can only accuse. That they are
  clear, or cannot say, is as if they were not there.
- Whatever one of them takes for an attack goes to a human. What is merely suspicious goes to a human if the face
  matches; a face that does not match is rejected anyway.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from heirloom.decision.attack_policy import AttackPolicy
from heirloom.vision.names import MINIFASNET
from heirloom.vision.types import AttackOutcome, AttackSignal

CHALLENGE, REUSE, INJECTION = "challenge", "reuse", "injection"
"""The detectors that speak once for a whole capture; every other name is a passive detector that speaks by frame."""

VOUCHERS = frozenset({MINIFASNET, CHALLENGE})
"""Who may find a capture bona fide, or doubt it. Whoever is not named here can only accuse, a detector of tomorrow too,
whatever it says and whatever a policy says of it."""

CHALLENGE_ALONE, PASSIVE_ALONE = "challenge_alone", "passive_check_alone"
"""Codes of who alone vouches for a capture. Several passive detectors are one: they all judge the same pixels."""

CODES_OF = {**dict.fromkeys(VOUCHERS, "presentation_attack"), REUSE: "capture_reused", INJECTION: "possible_injection"}
ATTACK_SUSPECTED = "attack_suspected"
"""What every other detector says that accuses."""

MENDED_BY_SENDER = frozenset({"face_too_tight"})
"""Why a voucher could not tell, where whoever is before the camera can mend it: told with the reasons."""

ACCUSING = {AttackOutcome.ATTACK: AttackOutcome.SUSPICIOUS, AttackOutcome.BONA_FIDE: AttackOutcome.CLEAR}
"""What the answers of a detector that can only accuse amount to."""

ABSTAINED = frozenset({"not_installed", "not_calibrated"})
"""Why a detector had no part in this. Any other inconclusive one was asked and could not tell, which is a doubt: else
whoever attacks would only have to come so near to the camera that a detector falls silent."""


@dataclass(frozen=True, slots=True)
class AttackCheck:
    """What all signals say together.

    outcome: bona fide, attack or inconclusive. score: the highest of those that say so, None without a number.
    reasons: codes of what was found; never empty for an attack. signals: one for each detector, as recorded.
    only_voucher: CHALLENGE_ALONE or PASSIVE_ALONE where nothing else finds the capture bona fide, else "".
    """

    outcome: AttackOutcome = AttackOutcome.INCONCLUSIVE
    score: float | None = None
    reasons: tuple[str, ...] = ()
    signals: tuple[AttackSignal, ...] = ()

    @property
    def only_voucher(self) -> str:
        active = {signal.detector == CHALLENGE for signal in _vouching(self.signals)}
        if len(active) != 1:
            return ""
        return CHALLENGE_ALONE if active.pop() else PASSIVE_ALONE

    @property
    def to_mend(self) -> tuple[str, ...]:
        """Codes of what kept a voucher from telling and the sender can mend."""
        return tuple(dict.fromkeys(doubt.why for doubt in _doubts(self.signals) if doubt.why in MENDED_BY_SENDER))


NOT_CHECKED = AttackCheck()


def check(
    frames: Iterable[AttackSignal],
    policy_of: Callable[[str], AttackPolicy | None],
    others: Iterable[AttackSignal] = (),
) -> AttackCheck:
    """Return what passive detectors say of the frames, and others of the capture, taken together.

    frames: one signal per detector and frame that was asked, also those that could not tell.
    others: signals that speak for the whole capture: challenge, reuse, injection.
    """
    by_detector: dict[str, list[AttackSignal]] = {}
    for signal in frames:
        by_detector.setdefault(signal.detector, []).append(signal)
    passive = [hear(name, heard, policy_of(name)) for name, heard in by_detector.items()]
    return weigh_signals([*passive, *others])


def hear(detector: str, frames: Sequence[AttackSignal], policy: AttackPolicy | None) -> AttackSignal:
    """Return what one passive detector says of all its frames: the median of those it could judge, read by its policy.

    An attack is an attack however few frames show it; for a bona fide capture it must have judged half of them.
    One that can only accuse says suspicious or clear instead.
    """
    said = _heard(detector, frames, policy)
    return said if detector in VOUCHERS else replace(said, outcome=ACCUSING.get(said.outcome, said.outcome))


def _heard(detector: str, frames: Sequence[AttackSignal], policy: AttackPolicy | None) -> AttackSignal:
    scores = [score for score in map(_attack_score, frames) if score is not None]
    if not scores:
        return _inconclusive(detector, next((frame.why for frame in frames if frame.why), "too_few_frames"))
    cell = policy.cell(len(scores)) if policy else None
    if cell is None:
        return _inconclusive(detector, "not_calibrated" if policy is None else "too_few_frames")
    score = float(median(scores))
    if score >= cell.attack_from:
        return AttackSignal(detector, AttackOutcome.ATTACK, score)
    if 2 * len(scores) < len(frames):
        return _inconclusive(detector, next((frame.why for frame in frames if frame.why), "too_few_frames"))
    if score >= cell.bona_fide_below:
        return AttackSignal(detector, AttackOutcome.INCONCLUSIVE, score, "score_near_threshold")
    return AttackSignal(detector, AttackOutcome.BONA_FIDE, score)


def weigh_signals(signals: Sequence[AttackSignal]) -> AttackCheck:
    """Return what the signals, one for each detector, say together."""
    accusing = [s for s in signals if s.outcome in {AttackOutcome.ATTACK, AttackOutcome.SUSPICIOUS}]
    accusing.sort(key=lambda signal: signal.outcome is not AttackOutcome.ATTACK)
    reasons = tuple(dict.fromkeys(CODES_OF.get(signal.detector, ATTACK_SUSPECTED) for signal in accusing))
    outcome = _together(signals)
    scores = [s.score for s in signals if s.outcome is outcome and s.score is not None]
    return AttackCheck(outcome, max(scores, default=None), reasons, tuple(signals))


def _together(signals: Sequence[AttackSignal]) -> AttackOutcome:
    if any(signal.outcome is AttackOutcome.ATTACK for signal in signals):
        return AttackOutcome.ATTACK
    return AttackOutcome.BONA_FIDE if _vouching(signals) and not _doubts(signals) else AttackOutcome.INCONCLUSIVE


def _vouching(signals: Sequence[AttackSignal]) -> list[AttackSignal]:
    return [s for s in signals if s.outcome is AttackOutcome.BONA_FIDE and s.detector in VOUCHERS]


def _doubts(signals: Sequence[AttackSignal]) -> list[AttackSignal]:
    unsure = [s for s in signals if s.outcome is AttackOutcome.INCONCLUSIVE and s.detector in VOUCHERS]
    return [s for s in unsure if s.why not in ABSTAINED]


def _attack_score(signal: AttackSignal) -> float | None:
    """Return the score of a signal that could tell; one that calls an attack without a usable number counts as 1."""
    usable = signal.score is not None and 0.0 <= signal.score <= 1.0
    if signal.outcome is AttackOutcome.ATTACK:
        return signal.score if usable else 1.0
    return signal.score if usable and signal.outcome is AttackOutcome.BONA_FIDE else None


def _inconclusive(detector: str, why: str) -> AttackSignal:
    return AttackSignal(detector, AttackOutcome.INCONCLUSIVE, why=why)
