"""The copy of a clip that people look at, encoded by the ffmpeg program in a limited child."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import ffmpeg

from heirloom.errors import Refusal
from heirloom.media import sandbox
from heirloom.media.formats import DECODERS, DEMUXER_NAMES, DEMUXERS, PROTOCOLS, SOUND_DECODERS
from heirloom.media.limits import Allowance, Limits
from heirloom.media.types import ClipFacts

SOURCE, TARGET = "file:/dev/fd/3", "file:/dev/fd/4"
"""How the child names the clip and the copy: its descriptors, so that no name a user chose reaches the program."""
THREADS = min(4, os.cpu_count() or 1)
ENCODERS = frozenset({"libx264", "aac"})
LEAST_FRAME_GAP_S = 0.032
"""Frames that come sooner after the last one are left out: 30 a second are kept, of 50 or 60 every other."""
VIDEO = {
    "vcodec": "libx264",
    "preset": "veryfast",
    "profile:v": "main",
    "pix_fmt": "yuv420p",
    "crf": 26,
    "maxrate": "1500k",
    "bufsize": "3000k",
    "g": 60,
    "threads": THREADS,
    "color_range": "tv",
    "colorspace": "bt709",
    "color_primaries": "bt709",
    "color_trc": "bt709",
}
SOUND = {"map": "0:a:0?", "acodec": "aac", "ac": 1, "ar": 44100, "audio_bitrate": "64k"}
BARE = {
    "format": "mp4",
    "movflags": "+faststart",
    "map_metadata": -1,
    "map_chapters": -1,
    "fflags": "+bitexact",
    "flags:v": "+bitexact",
    "flags:a": "+bitexact",
}
"""What keeps whatever the clip says of itself, and the name of the program, out of the copy."""
SPOKEN = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "error", "-filter_complex_threads", "1")
NVIDIA = Path("/dev/nvidiactl")
"""There where a driver has found a card."""
_encoding = threading.Lock()
"""One copy at a time: it may take minutes, and photos and frames wait for the same children."""


def encode(clip: Path, facts: ClipFacts, copy: Path, *, limits: Limits, binary: str, use_gpu: bool) -> None:
    """Write the copy of a clip, as `Transcoder.evidence` promises.

    It is decoded by the GPU where use_gpu allows it and there is one, else, or where that fails, by the processor; the
    copy is silent where the sound cannot be read.
    Raises Refusal transcoder_unavailable where the program lacks an encoder.
    """
    if not encoders(binary) >= ENCODERS:
        raise Refusal("transcoder_unavailable", f"FFmpeg at {binary} lacks {', '.join(sorted(ENCODERS))}.")
    failure: Refusal | None = None
    for hardware, sound in product(decoders(binary, use_gpu=use_gpu), (True, False)):
        allowance = replace(limits.evidence, reserves=hardware != "")
        command = _command(facts, limits, binary, hardware, sound=sound)
        try:
            return _write(command, clip, copy, allowance)
        except Refusal as refusal:
            if refusal.code != "invalid_video" and not hardware:
                raise
            failure = refusal
    raise failure or Refusal("invalid_video")


def rewrap(fetched: Path, copy: Path, *, limits: Limits, binary: str) -> None:
    """Write an MP4 anew as it was encoded elsewhere, without anything but its pictures and its sound."""
    source = ffmpeg.input(SOURCE, format="mov", protocol_whitelist=PROTOCOLS, format_whitelist=DEMUXER_NAMES)
    # Unit 6 of H.264 is supplemental information: whatever an encoder likes to write between the pictures.
    taken = {"map": "0:a:0?", "codec": "copy", "bsf:v": "filter_units=remove_types=6", "t": limits.max_clip_s}
    output = source["v:0"].output(TARGET, **taken, **BARE).overwrite_output().global_args(*SPOKEN)
    _write(output.compile(cmd=binary), fetched, copy, limits.evidence)


def decoders(binary: str, *, use_gpu: bool) -> tuple[str, ...]:
    """Return the ways to decode, the one to try first at the front: "cuda" for the GPU, "" for the processor."""
    return ("cuda", "") if use_gpu and NVIDIA.exists() and "cuda" in _names(binary, "-hwaccels", 0) else ("",)


def encoders(binary: str) -> frozenset[str]:
    """Return the names of the encoders that a program has."""
    return _names(binary, "-encoders", 1)


@cache
def _names(binary: str, question: str, word: int) -> frozenset[str]:
    said = subprocess.run(
        [binary, "-hide_banner", question], capture_output=True, text=True, check=False, timeout=20
    ).stdout
    return frozenset(words[word] for words in map(str.split, said.splitlines()) if len(words) > word)


def _command(facts: ClipFacts, limits: Limits, binary: str, hardware: str, *, sound: bool) -> Sequence[str]:
    """Return the command line. Nothing in it but numbers comes from the clip, and nothing from whoever sent it."""
    reading: dict[str, Any] = {
        "format": DEMUXERS[facts.container],
        "protocol_whitelist": PROTOCOLS,
        "format_whitelist": DEMUXER_NAMES,
        "codec_whitelist": f"{DECODERS},{SOUND_DECODERS}",
        "threads": THREADS,
    }
    source = ffmpeg.input(SOURCE, **reading, **({"hwaccel": hardware} if hardware else {}))
    picture = (
        source[str(facts.stream)]
        .filter("select", f"isnan(prev_selected_t)+gte(t-prev_selected_t,{LEAST_FRAME_GAP_S})")
        .filter("scale", *_size(facts, limits), flags="bicubic", out_range="tv", out_color_matrix="bt709")
        .filter("setsar", 1)
        .filter("sidedata", mode="delete")  # whatever else stands beside the pixels
    )
    options = {"fps_mode": "vfr", "t": limits.max_clip_s, **VIDEO, **(SOUND if sound else {}), **BARE}
    output = picture.output(TARGET, **options).overwrite_output().global_args(*SPOKEN)
    command: Sequence[str] = output.compile(cmd=binary)
    return command


def _size(facts: ClipFacts, limits: Limits) -> tuple[int, int]:
    """Return the width and height of the copy, even as 4:2:0 needs them."""
    scale = min(1.0, limits.max_evidence_side / max(facts.width, facts.height))
    return max(2, round(facts.width * scale / 2) * 2), max(2, round(facts.height * scale / 2) * 2)


def _write(command: Sequence[str], clip: Path, copy: Path, allowance: Allowance) -> None:
    with _encoding, _descriptors(clip, copy) as (source, target):
        for _attempt in range(sandbox.ATTEMPTS):
            os.ftruncate(target, 0)
            with (
                contextlib.suppress(sandbox.ServerLostError),
                sandbox.program(command, files=[source, target], allowance=allowance) as program,
            ):
                while os.read(program.errors, 4096):
                    pass  # until its end; what it says is of the clip, and nothing for the log
                ended = sandbox.how_ended(program.told)
                if ended.signal_number or ended.exit_code or not os.fstat(target).st_size:
                    raise ended.reason("invalid_video")
                return
    raise sandbox.SandboxError("the fork server was lost again and again")


@contextlib.contextmanager
def _descriptors(clip: Path, copy: Path) -> Iterator[tuple[int, int]]:
    source = os.open(clip, os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield source, target
        finally:
            os.close(target)
    finally:
        os.close(source)
