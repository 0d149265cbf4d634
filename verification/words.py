"""The signals of a verification in plain words, for a reviewer."""

from collections.abc import Mapping

from heirloom.decision.attack import CHALLENGE, INJECTION, REUSE, VOUCHERS
from heirloom.errors import CODES
from heirloom.reviews.cases import Signal
from heirloom.vision.names import DEEP_TREE, MINIFASNET
from heirloom.vision.types import AttackOutcome

NAMES = {
    MINIFASNET: "Photo, screen or mask (MiniFASNet)",
    DEEP_TREE: "Photo, screen or mask, a second opinion (deep tree)",
    CHALLENGE: "Active challenge",
    REUSE: "Handed in before",
    INJECTION: "What the file says of its maker",
}
OUTCOMES: dict[str, str] = {
    AttackOutcome.BONA_FIDE: "looks live",
    AttackOutcome.ATTACK: "looks like an attack",
    AttackOutcome.SUSPICIOUS: "worth a look",
    AttackOutcome.CLEAR: "nothing found",
    AttackOutcome.INCONCLUSIVE: "could not say",
}
MAY_VOUCH, MAY_ACCUSE = "may vouch", "can only accuse"
"""What a check's word counts for."""

WHY = {
    "not_installed": "no attack detector is installed",
    "not_calibrated": "no measured policy says how to read its scores",
    "too_little_detail": "the face shows too little detail for it, as small or soft faces do",
    "too_few_frames": "too few frames could be judged",
    "score_near_threshold": "the score lies in the middle",
    "sent_again": "the same client sent it again within a quarter of an hour, as after a broken connection",
    "file_enrolled": "the very file that somebody was enrolled with",
    "file_of_another": "the very file that was handed in for another person",
    "file_seen": "the very file was handed in before",
    "looks_enrolled": "the same picture as one that somebody was enrolled with, perhaps re-encoded",
    "looks_seen": "the same picture as one handed in before, perhaps re-encoded",
    "face_synthesis": "it names a program that makes or exchanges faces",
    "virtual_camera": "it names a program that stands in for a camera",
    "screen_recorder": "it names a program that films a screen",
    "editing_software": "it names a program that edits pictures",
    "re_encoded": "it was written anew by a program, as many apps do; that alone is no doubt",
}
"""By AttackSignal.why; other codes are those of errors.CODES."""


def in_two_digits(number: float | None) -> str:
    return "—" if number is None else f"{number:.2f}"


def of_signal(signal: Mapping[str, object]) -> Signal:
    """Return one recorded signal as a reviewer reads it."""
    name, outcome = str(signal.get("detector") or ""), str(signal["outcome"])
    why, detail, score = str(signal.get("why") or ""), str(signal.get("detail") or ""), signal.get("score")
    words = OUTCOMES.get(outcome, outcome)
    if isinstance(score, float) and name not in {REUSE, INJECTION}:
        words += f" (attack score {score:.2f})"
    if why:
        words += f": {WHY[why] if why in WHY else CODES[why].text if why in CODES else why}"
    if detail:
        words += f" ({detail})"
    role = MAY_VOUCH if name in VOUCHERS else MAY_ACCUSE
    return Signal(NAMES.get(name, name or "Attack check"), outcome, role, words)
