"""Clips read and copied on this machine, by FFmpeg in limited child processes."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from heirloom.media import sandbox
from heirloom.media.limits import Limits
from heirloom.media.plan import FramePlan, Wanted, choose_frames
from heirloom.media.transcode import ffmpeg_evidence
from heirloom.media.transcode.base import Evidence
from heirloom.media.types import ClipFacts, Image


@cache
def find_ffmpeg(named: str | None = None) -> str:
    """Return the program: the one named, else the one on PATH, else the one the imageio-ffmpeg wheel carries.

    Raises FileNotFoundError if the one named cannot be run.
    """
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"ffmpeg cannot be run at {named}")
        return str(Path(found).absolute())
    return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())


@dataclass(frozen=True, slots=True)
class FfmpegTranscoder:
    """A Transcoder on this machine.

    binary: the ffmpeg program, where it is not to be looked for.
    use_gpu: copies may be decoded by a GPU, where there is one.
    """

    binary: str | None = None
    use_gpu: bool = False

    def frames(
        self, clip: Path, facts: ClipFacts, plan: FramePlan, *, max_side: int, limits: Limits
    ) -> Iterator[Image]:
        """Yield the planned frames, as `Transcoder.frames` promises; FFmpeg's libraries decode them."""
        scale = min(1.0, max_side / max(facts.width, facts.height))
        wanted = Wanted(
            container=facts.container,
            reading=plan.reading,
            times_s=plan.times_s,
            leaps_s=plan.leaps_s,
            rotation=facts.rotation,
            mirrored=facts.mirrored,
            width=max(1, round(facts.width * scale)),
            height=max(1, round(facts.height * scale)),
        )
        with clip.open("rb", buffering=0) as file:
            answers = sandbox.stream(
                "frames",
                {"wanted": asdict(wanted)},
                most=len(plan.times_s),
                limits=limits,
                allowance=limits.frames,
                broken="invalid_video",
                source=file.fileno(),
            )
            for answer in answers:
                yield _image(answer, wanted, scale)

    def evidence(self, clip: Path, facts: ClipFacts, folder: Path, *, limits: Limits) -> Evidence:
        """Return the copy that people look at, as `Transcoder.evidence` promises."""
        copy = folder / "evidence.mp4"
        (poster,) = self.frames(clip, facts, choose_frames(facts, 1), max_side=limits.max_evidence_side, limits=limits)
        binary = find_ffmpeg(self.binary)
        ffmpeg_evidence.encode(clip, facts, copy, limits=limits, binary=binary, use_gpu=self.use_gpu)
        return Evidence(copy, poster)


def _image(answer: sandbox.Answer, wanted: Wanted, scale: float) -> Image:
    """Return a frame, held to what was asked: it comes from a process that read a stranger's file."""
    with sandbox.held_to_form("invalid_video"):
        pixels = np.frombuffer(answer.payload, np.uint8).reshape(wanted.height, wanted.width, 3)
        return Image(pixels, scale, float(answer.facts["at_s"]))
