"""What a transcoder promises. One runs on this machine (`ffmpeg`); another may have the work done elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from heirloom.media.limits import Limits
from heirloom.media.plan import FramePlan
from heirloom.media.types import ClipFacts, Image


@runtime_checkable
class Transcoder(Protocol):
    def frames(
        self, clip: Path, facts: ClipFacts, plan: FramePlan, *, max_side: int, limits: Limits
    ) -> Sequence[Image]:
        """Return the planned frames that could be decoded, in order of time.

        Each is upright, its long side at most max_side, its scale relative to the upright clip, its at_s set.
        Never more than the plan names, and never more of the clip in memory than those.
        Raises Refusal invalid_video where nothing could be decoded, too_much_memory, too_much_cpu_time or
        too_much_time.
        """
        ...
