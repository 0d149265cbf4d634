"""What a file's own claims say of how it was made: by a camera, or put in the camera's place by a program. Pure.

Anybody can write these claims, and whoever attacks with care removes them. So a named program is worth a look, and
silence is worth nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from heirloom.decision.attack import INJECTION
from heirloom.media.types import Provenance
from heirloom.vision.types import AttackOutcome, AttackSignal


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of program. why: its short code. score: how much it speaks for an attack, chosen, not measured.

    names: as they appear in metadata, in lower case; found as whole words.
    """

    why: str
    outcome: AttackOutcome
    score: float
    names: tuple[str, ...]


KINDS = (
    # They make or exchange faces: nothing that a person before a camera needs.
    Kind(
        "face_synthesis",
        AttackOutcome.ATTACK,
        0.95,
        (
            *("deepfacelive", "deepfacelab", "deep-live-cam", "faceswap", "facefusion", "roop", "liveportrait"),
            *("avatarify", "facerig", "faceapp", "reface", "heygen", "synthesia", "d-id", "midjourney", "dall-e"),
            *("stable diffusion", "comfyui", "automatic1111", "adobe firefly", "openai", "runway"),
        ),
    ),
    # They stand in for a camera and show it whatever they are given.
    Kind(
        "virtual_camera",
        AttackOutcome.ATTACK,
        0.9,
        (
            *("obs", "obs studio", "obs-studio", "obs virtual camera", "manycam", "snap camera", "xsplit", "splitcam"),
            *("camtwist", "vcam", "e2esoft", "altercam", "webcamoid", "akvcam", "animaze", "mmhmm", "chromacam"),
            *("v4l2loopback", "dummy video device", "unity capture", "ndi webcam", "virtual camera", "virtualcam"),
        ),
    ),
    # They film a screen.
    Kind(
        "screen_recorder",
        AttackOutcome.SUSPICIOUS,
        0.6,
        (
            *("screen recorder", "screen recording", "screenrecorder", "xrecorder", "bandicam", "camtasia", "loom"),
            *("screenflow", "sharex", "mobizen", "scrcpy", "snagit"),
        ),
    ),
    # They change pictures: often in good faith, so a human looks.
    Kind(
        "editing_software",
        AttackOutcome.SUSPICIOUS,
        0.5,
        (
            *("photoshop", "lightroom", "gimp", "affinity photo", "pixelmator", "paint.net", "picsart", "facetune"),
            *("snapseed", "canva", "meitu", "beautyplus", "luminar", "premiere", "after effects", "final cut"),
            *("imovie", "davinci resolve", "capcut", "inshot", "kinemaster", "filmora", "vegas pro", "shotcut"),
            *("kdenlive", "openshot", "blender", "videoleap", "vn video editor"),
        ),
    ),
    # They write a file anew. Messengers and honest apps do so too: recorded, never held against anybody.
    Kind(
        "re_encoded",
        AttackOutcome.CLEAR,
        0.2,
        ("lavf", "lavc", "ffmpeg", "x264", "x265", "handbrake", "gstreamer", "mencoder", "imagemagick", "whatsapp"),
    ),
)


def judge(provenance: Provenance) -> AttackSignal:
    """Return what a file's claims speak for; the gravest program that they name, `detail` being how they name it."""
    named = (provenance.make, provenance.model, *provenance.software)
    for kind in KINDS:
        for claim in filter(None, named):
            if _names(claim, kind):
                return AttackSignal(INJECTION, kind.outcome, kind.score, kind.why, claim)
    return AttackSignal(INJECTION, AttackOutcome.CLEAR)


def _names(claim: str, kind: Kind) -> bool:
    return any(pattern.search(claim.lower()) for pattern in _patterns(kind))


def _patterns(kind: Kind) -> Iterator[re.Pattern[str]]:
    """A name stands alone, or before a version: "Lavf60.3", "OBS 30.1", but not "obsidian" or "jobs"."""
    return (re.compile(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z])") for name in kind.names)
