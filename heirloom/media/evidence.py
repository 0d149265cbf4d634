"""A received clip in; a copy that any browser plays, and the picture shown before it, out."""

from pathlib import Path

from heirloom.errors import Refusal
from heirloom.media.limits import DEFAULT_LIMITS, MEGABYTE, Limits
from heirloom.media.transcode.base import Evidence, Transcoder
from heirloom.media.transcode.ffmpeg import FfmpegTranscoder
from heirloom.media.types import ClipFacts
from heirloom.media.video import probe


def make_evidence(
    clip: Path,
    facts: ClipFacts,
    folder: Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    transcoder: Transcoder | None = None,
) -> Evidence:
    """Return what people look at in place of a clip that `probe` read, as `Transcoder.evidence` promises.

    The copy is written into `folder`, whose owner deletes it. It is read before it is given out: wherever it was made,
    it is what was asked for.
    Raises Refusal as the transcoder does, or transcoding_failed.
    """
    evidence = (transcoder or FfmpegTranscoder()).evidence(clip, facts, folder, limits=limits)
    _check(evidence.clip, limits)
    return evidence


def _check(copy: Path, limits: Limits) -> None:
    if copy.stat().st_size > limits.evidence.file_mb * MEGABYTE:
        raise Refusal("too_many_bytes")
    try:
        made = probe(copy, limits)
    except Refusal as refusal:
        raise Refusal("transcoding_failed") from refusal
    small = max(made.width, made.height) <= limits.max_evidence_side + 1
    if (made.codec, made.container, made.rotation, small) != ("h264", "mp4", 0, True):
        raise Refusal("transcoding_failed")
