"""What a transcoder promises. One runs on this machine (`ffmpeg`); another may have the work done elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from heirloom.media.limits import Limits
from heirloom.media.plan import FramePlan
from heirloom.media.types import ClipFacts, Image


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What people look at in place of a received clip: a copy that any browser plays, and the picture shown before."""

    clip: Path
    poster: Image


@runtime_checkable
class Transcoder(Protocol):
    def frames(
        self, clip: Path, facts: ClipFacts, plan: FramePlan, *, max_side: int, limits: Limits
    ) -> Iterable[Image]:
        """Give the planned frames that can be decoded, in order of time; it may do so while it decodes.

        Each is upright, its long side at most max_side, its scale relative to the upright clip, its at_s set.
        Never more than the plan names, and never more of the clip in memory than those.
        Raises Refusal invalid_video where nothing could be decoded, too_much_memory, too_much_cpu_time or
        too_much_time.
        """
        ...

    def evidence(self, clip: Path, facts: ClipFacts, folder: Path, *, limits: Limits) -> Evidence:
        """Make the copy of a clip that people look at, in a private folder whose owner deletes it.

        The copy is an MP4 that can be played while it arrives: H.264 of 8 bits in 4:2:0, upright, its long side at most
        limits.max_evidence_side, its sound in AAC where the clip has sound that can be read. Nothing that the clip says
        of itself is in it: no place, time, title or maker.
        Raises Refusal invalid_video or transcoding_failed where the clip cannot be read, transcoder_unavailable,
        too_many_bytes, too_much_memory, too_much_cpu_time or too_much_time.
        """
        ...
