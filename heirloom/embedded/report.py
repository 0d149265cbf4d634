"""What `make run` tells when all is up."""

import subprocess
from dataclasses import dataclass

from heirloom import settings
from heirloom.decision import policy_files, policy_words
from heirloom.decision.recommended import recommended
from heirloom.decision.verification import VERIFICATION_FMR
from heirloom.errors import Refusal
from heirloom.media.transcode.ffmpeg import find_ffmpeg
from heirloom.vision.client import VisionClient
from heirloom.vision.types import VisionStatus


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `manage.py prepare --new-machine` answered. password: set when the first admin was made just now."""

    password: str | None
    weights: str | None
    attack_weights: str


def ready_lines(address: str, prepared: Prepared, seconds: float) -> list[str]:
    """Return the lines of the console: where, who, and what it runs with."""
    rows = [
        ("Address", f"{address}/   review: {address}/admin/   API: {address}/api/v1/"),
        *_login_rows(prepared),
        *_vision_rows(prepared),
        ("FFmpeg", ffmpeg_version()),
    ]
    lines = [f"  {name:<13} {value}" for name, value in rows]
    return [f"Heirloom is ready ({seconds:.1f} s).", *lines, "  Stop it with Ctrl-C."]


def ffmpeg_version() -> str:
    """Return the version and the place of the FFmpeg program in use. Raises FileNotFoundError if there is none."""
    program = ffmpeg_program()
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False, timeout=10).stdout
    words = said.split()
    return f"{words[2]} ({program})" if len(words) > 2 else f"does not run ({program})"


def ffmpeg_program() -> str:
    """Return the FFmpeg that is used: the configured one, the one on PATH, or the one of the wheel."""
    return find_ffmpeg(settings.FFMPEG_BINARY or None)


def _login_rows(prepared: Prepared) -> list[tuple[str, str]]:
    if prepared.password is not None:
        note = "(shown this once; a new one is asked for at the first sign-in)"
        return [("User", "admin"), ("Password", f"{prepared.password}   {note}")]
    if settings.EMBEDDED:
        return [("User", "admin, with the password you chose (forgotten: python manage.py changepassword admin)")]
    return [("User", "yours (the first one: python manage.py createsuperuser)")]


def _vision_rows(prepared: Prepared) -> list[tuple[str, str]]:
    weights = [("Weights", prepared.weights)] if prepared.weights else []
    try:
        status = VisionClient(settings.VISION_SOCKET).status()
    except Refusal as refusal:
        return [("Vision", refusal.detail), *weights]
    pack = next((pack for pack in status.packs if pack.name == status.active_pack), None)
    parts = f": detector {pack.detector}, recogniser {pack.recogniser}" if pack else ""
    rows = [("Vision", f"{status.active_pack} on {status.device}{parts}")]
    if pack:
        policy = policy_files.load(pack.model, settings.POLICY_DIR)
        rows.append(("Whom it fails", policy_words.whom_it_fails(policy, VERIFICATION_FMR)))
    return [*rows, *_best_rows(status), ("Attack check", _attack_line(status)), *weights]


def _best_rows(status: VisionStatus) -> list[tuple[str, str]]:
    """Name the best pack of those that may be used here, where it is another than the active one."""
    best = recommended(status.packs, settings.POLICY_DIR)
    if best is None or best[0].name == status.active_pack:
        return []
    return [("Better", f"{best[0].name} {best[1]}: python manage.py reembed switch {best[0].name}")]


def _attack_line(status: VisionStatus) -> str:
    if status.attack_ready:
        alone = settings.PASSIVE_CHECK_ALONE_APPROVES or not settings.ATTACK_CHECK_REQUIRED
        voucher = "MiniFASNet" + (", which approves alone" if alone else "; alone it sends a match to a reviewer")
        return "; ".join([voucher, *(f"{name} can only accuse" for name in status.accusers)])
    if settings.ATTACK_CHECK_REQUIRED:
        return "not installed, so every verification goes to a reviewer (ATTACK_CHECK_REQUIRED=false waives it)"
    return "not installed, and waived by ATTACK_CHECK_REQUIRED=false"
