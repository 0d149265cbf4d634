"""Frames through the ffmpeg program, held by the same limits as every other reading of a received file."""

import contextlib
import os
import re
import select
import shutil
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from heirloom.errors import Refusal
from heirloom.media import sandbox
from heirloom.media.formats import DECODERS, DEMUXER_NAMES, DEMUXERS, PROTOCOLS
from heirloom.media.limits import Limits
from heirloom.media.plan import FramePlan, Reading, choose_frames
from heirloom.media.transcode import ffmpeg_evidence
from heirloom.media.transcode.base import Evidence
from heirloom.media.types import ClipFacts, Image

SOURCE = "file:/dev/fd/3"
"""How the child names the clip: its descriptor 3, so that no name a user chose reaches the program."""
ERRORS_KEPT_BYTES = 4096
SAME_TIME_S = 0.002
DECODER_THREADS = min(4, os.cpu_count() or 1)
SKIPPED = {Reading.KEYFRAMES: "nokey", Reading.SEEKS: "nokey", Reading.REFERENCES: "noref", Reading.EVERY: "default"}
TURNS: dict[int, tuple[tuple[str, tuple[str, ...]], ...]] = {
    0: (),
    90: (("transpose", ("clock",)),),
    180: (("hflip", ()), ("vflip", ())),
    270: (("transpose", ("cclock",)),),
}
_SHOWN = re.compile(rb"^\[Parsed_showinfo[^\]]*\] n: *\d+ .*?pts_time: *(-?[\d.]+(?:e[-+]?\d+)?)", re.MULTILINE)

_STARVED = re.compile(rb"annot allocate|ailed to allocate|get_buffer\(\) failed|Resource temporarily unavailable")
"""What the program and its decoders say when they are refused memory or a thread's stack."""


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
    ) -> Sequence[Image]:
        """Return the planned frames, as `Transcoder.frames` promises."""
        scale = min(1.0, max_side / max(facts.width, facts.height))
        size = max(1, round(facts.width * scale)), max(1, round(facts.height * scale))
        parts = [(time,) for time in plan.times_s] if plan.reading is Reading.SEEKS else [plan.times_s]
        found: list[Image] = []
        descriptor = os.open(clip, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for times_s in parts:
                command = self._command(facts, FramePlan(plan.reading, times_s), size)
                output = _run(command, descriptor, size, len(times_s), limits)
                told = len(output.times_s) == len(output.pictures) and plan.reading is not Reading.SEEKS
                at_s = output.times_s if told else times_s  # after a seek, times count from where it went
                found.extend(Image(*taken) for taken in zip(output.pictures, repeat(scale), at_s, strict=False))
        finally:
            os.close(descriptor)
        return found

    def evidence(self, clip: Path, facts: ClipFacts, folder: Path, *, limits: Limits) -> Evidence:
        """Return the copy that people look at, as `Transcoder.evidence` promises."""
        copy = folder / "evidence.mp4"
        (poster,) = self.frames(clip, facts, choose_frames(facts, 1), max_side=limits.max_evidence_side, limits=limits)
        binary = find_ffmpeg(self.binary)
        ffmpeg_evidence.encode(clip, facts, copy, limits=limits, binary=binary, use_gpu=self.use_gpu)
        return Evidence(copy, poster)

    def _command(self, facts: ClipFacts, plan: FramePlan, size: tuple[int, int]) -> list[str]:
        """Return the command line. Nothing in it but numbers comes from the clip, and nothing from whoever sent it."""
        stored = size if facts.rotation in {0, 180} else (size[1], size[0])
        source = ffmpeg.input(SOURCE, **_reading_options(facts, plan))
        picture = (
            source[str(facts.stream)]
            .filter("select", _selection(facts, plan))
            .filter("scale", *stored, flags="bilinear")
        )
        for name, arguments in TURNS[facts.rotation]:
            picture = picture.filter(name, *arguments)
        output = picture.filter("showinfo", checksum=0).output(
            "pipe:1",
            format="rawvideo",
            pix_fmt="rgb24",
            fps_mode="passthrough",
            **{"frames:v": len(plan.times_s)},
        )
        spoken = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-filter_complex_threads", "1")
        command: list[str] = output.global_args(*spoken).compile(cmd=find_ffmpeg(self.binary))
        return command


def _reading_options(facts: ClipFacts, plan: FramePlan) -> dict[str, Any]:
    options: dict[str, Any] = {
        "format": DEMUXERS[facts.container],
        "protocol_whitelist": PROTOCOLS,
        "format_whitelist": DEMUXER_NAMES,
        "codec_whitelist": DECODERS,
        "noautorotate": None,  # it would turn every frame decoded; only those selected are turned
        "skip_frame": SKIPPED[plan.reading],
        "threads": DECODER_THREADS,
    }
    if plan.reading is Reading.SEEKS:
        options |= {"noaccurate_seek": None, "ss": f"{plan.times_s[0] + SAME_TIME_S / 2:.6f}"}
    return options


def _selection(facts: ClipFacts, plan: FramePlan) -> str:
    """Return the expression of FFmpeg's select filter that lets through one frame for each time planned."""
    if plan.reading is Reading.SEEKS:
        return "1"
    if plan.reading is Reading.KEYFRAMES:
        return "+".join(f"between(t,{at_s - SAME_TIME_S:.6f},{at_s + SAME_TIME_S:.6f})" for at_s in plan.times_s)
    start_s, step_s = plan.times_s[0], facts.duration_s / len(plan.times_s)
    # ld(0) is the number of parts of the clip already served
    return f"if(gte(t,{start_s:.6f}+ld(0)*{step_s:.6f}),1+0*st(0,floor((t-{start_s:.6f})/{max(step_s, 1e-6):.6f})+1),0)"


class _Output:
    """What a run gives, as it arrives: pictures of (height, width, 3), and the times it tells of them."""

    def __init__(self, size: tuple[int, int], count: int) -> None:
        width, height = size
        self.pictures: list[NDArray[np.uint8]] = []
        self.times_s: list[float] = []
        self.starved = False
        self._count = count
        self._shape = (height, width, 3)
        self._said = b""
        self._picture = np.empty(self._shape, np.uint8)
        self._free = self._picture.data.cast("B")

    def take(self, output: socket.socket) -> bool:
        """Take what of the pictures is there. Return False at their end."""
        try:
            got = output.recv_into(self._free)
        except ConnectionResetError:
            return False
        self._free = self._free[got:]
        if got and not self._free:
            if len(self.pictures) == self._count:
                raise Refusal("invalid_video")  # the file made the program give more than it was asked for
            self.pictures.append(self._picture)
            self._picture = np.empty(self._shape, np.uint8)
            self._free = self._picture.data.cast("B")
        return got > 0

    def hear(self, errors: int) -> bool:
        """Take what the program says of itself. Return False at its end."""
        said = os.read(errors, ERRORS_KEPT_BYTES)
        lines, _, rest = (self._said + said).rpartition(b"\n")
        self.times_s.extend(float(time) for time in _SHOWN.findall(lines)[: self._count])
        self.starved = self.starved or _STARVED.search(lines) is not None
        self._said = rest[-ERRORS_KEPT_BYTES:]
        return len(said) > 0


def _run(command: list[str], source: int, size: tuple[int, int], count: int, limits: Limits) -> _Output:
    for _attempt in range(sandbox.ATTEMPTS):
        with (
            contextlib.suppress(sandbox.ServerLostError),
            sandbox.program(command, files=[source], allowance=limits.frames) as program,
        ):
            return _read(program, size, count, limits)
    raise sandbox.SandboxError("the fork server was lost again and again")


def _read(program: sandbox.Program, size: tuple[int, int], count: int, limits: Limits) -> _Output:
    """Return what the program gives until it ends. Raises as `Transcoder.frames` does."""
    output = _Output(size, count)
    ends: dict[int, Callable[[], bool]] = {
        program.output.fileno(): lambda: output.take(program.output),
        program.errors: lambda: output.hear(program.errors),
    }
    poller = select.poll()
    for end in ends:
        poller.register(end, select.POLLIN)
    while ends:
        ready = poller.poll(1000 * (limits.frames.wall_s + sandbox.GRACE_S))
        if not ready:
            raise Refusal("too_much_time")
        for end, _what in ready:
            if not ends[end]():
                poller.unregister(end)
                del ends[end]
    ended = sandbox.how_ended(program.told)
    if output.starved and len(output.pictures) < count:
        raise Refusal("too_much_memory")
    if ended.limit or not output.pictures:
        raise ended.reason("invalid_video")
    return output
