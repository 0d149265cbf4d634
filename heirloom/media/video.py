"""Clips in; facts, and a few safe pictures, out."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heirloom.errors import Refusal
from heirloom.media import provenance, sandbox
from heirloom.media.limits import DEFAULT_LIMITS, Limits
from heirloom.media.plan import FramePlan, Reading, choose_frames
from heirloom.media.sniff import SNIFF_BYTES, sniff
from heirloom.media.transcode.base import Transcoder
from heirloom.media.transcode.ffmpeg import FfmpegTranscoder
from heirloom.media.types import ClipFacts, Image


def probe(clip: Path, limits: Limits = DEFAULT_LIMITS) -> ClipFacts:
    """Return what a clip says of itself, read in a limited child process.

    All its packets are read and only its first frame is decoded. `clip` is opened, never named to another program;
    a file without a name may be given as /dev/fd/N.
    Raises Refusal empty_file, too_many_bytes, unsupported_format, invalid_video, no_video_frames, clip_too_long,
    clip_incomplete, too_many_pixels, too_many_frames, too_much_memory, too_much_cpu_time or too_much_time; OSError if
    the file is not there.
    """
    with _opened(clip, limits) as (descriptor, head):
        if sniff(head).kind != "video":
            raise Refusal("unsupported_format", "A clip is needed here.")
        answer = sandbox.call(
            "probe", {}, limits=limits, allowance=limits.probe, broken="invalid_video", payload=head, source=descriptor
        )
    with sandbox.held_to_form("invalid_video"):
        facts = _facts(answer.facts)
    limits.check_duration(facts.duration_s)
    limits.check_clip_size(facts.width, facts.height)
    return facts


def sample(
    clip: Path,
    facts: ClipFacts,
    limits: Limits = DEFAULT_LIMITS,
    *,
    count: int | None = None,
    max_side: int | None = None,
    evenly: bool = False,
    transcoder: Transcoder | None = None,
) -> tuple[Image, ...]:
    """Return what `frames` gives."""
    return tuple(frames(clip, facts, limits, count=count, max_side=max_side, evenly=evenly, transcoder=transcoder))


def frames(
    clip: Path,
    facts: ClipFacts,
    limits: Limits = DEFAULT_LIMITS,
    *,
    count: int | None = None,
    max_side: int | None = None,
    evenly: bool = False,
    transcoder: Transcoder | None = None,
) -> Iterator[Image]:
    """Give at most `count` frames of a clip that `probe` read, spread over its length, each as soon as it is decoded.

    The frames are chosen before any is decoded. Each is upright, its long side at most max_side, its at_s set; they
    come in order of time.
    evenly: at even distances in time, where else the frames that are cheap to decode are preferred.
    count and max_side default to, and never exceed, limits.max_frames and limits.max_frame_side.
    Raises Refusal invalid_video if nothing can be decoded, too_much_memory, too_much_cpu_time or too_much_time; and
    after the last frame clip_incomplete, if those are less than limits.min_decoded_share of what was chosen.
    """
    plan = choose_frames(facts, min(count or limits.max_frames, limits.max_frames), evenly=evenly)
    max_side = min(max_side or limits.max_frame_side, limits.max_frame_side)
    images = (transcoder or FfmpegTranscoder()).frames(clip, facts, plan, max_side=max_side, limits=limits)
    return _counted(images, facts, plan, limits)


def _counted(images: Iterable[Image], facts: ClipFacts, plan: FramePlan, limits: Limits) -> Iterator[Image]:
    number, last_s = 0, 0.0
    for image in images:
        number, last_s = number + 1, image.at_s or 0.0
        yield image
    if _decoded_share(number, last_s, facts, plan) < limits.min_decoded_share:
        raise Refusal("clip_incomplete")


def is_whole(
    frames: Sequence[Image], facts: ClipFacts, limits: Limits = DEFAULT_LIMITS, *, count: int | None = None
) -> bool:
    """Say whether all of a clip could be read, by its facts and by the frames that came for this count."""
    plan = choose_frames(facts, min(count or limits.max_frames, limits.max_frames))
    decoded_share = _decoded_share(len(frames), frames[-1].at_s or 0.0, facts, plan)
    return min(facts.read_share, decoded_share) >= limits.whole_share


def _decoded_share(number: int, last_s: float, facts: ClipFacts, plan: FramePlan) -> float:
    """Return how much of what was chosen came: by count of keyframes, else by time, as one frame may stand for long."""
    if plan.reading in {Reading.KEYFRAMES, Reading.SEEKS} or facts.duration_s <= 0:
        return number / len(plan.times_s)
    reach_s = max(facts.duration_s / len(plan.times_s), 2 / facts.frames_per_s if facts.frames_per_s > 0 else 0.0)
    return (last_s + reach_s) / min(facts.duration_s, plan.times_s[-1] + reach_s)


@contextmanager
def _opened(clip: Path, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """Open a clip of an allowed size; yield its descriptor and its first bytes."""
    descriptor = os.open(clip, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Refusal("unsupported_format")
        limits.check_clip_bytes(found.st_size)
        yield descriptor, os.pread(descriptor, SNIFF_BYTES, 0)
    finally:
        os.close(descriptor)


def _facts(told: Mapping[str, Any]) -> ClipFacts:
    """Rebuild the facts, holding each to its type: they come from a process that read a stranger's file."""
    return ClipFacts(
        duration_s=float(told["duration_s"]),
        width=int(told["width"]),
        height=int(told["height"]),
        rotation=int(told["rotation"]) % 360 // 90 * 90,
        codec=str(told["codec"])[:32],
        container=str(told["container"])[:8],
        frames_per_s=float(told["frames_per_s"]),
        keyframes_at_s=tuple(float(at_s) for at_s in told["keyframes_at_s"]),
        stream=int(told["stream"]),
        provenance=provenance.held(told["provenance"]),
        read_share=float(told["read_share"]),
        mirrored=told["mirrored"] is True,
    )
