"""What FFmpeg on this machine does besides the contract: the GPU where there is one, limits, missing encoders."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest

from heirloom.errors import Refusal
from heirloom.media.evidence import make_evidence
from heirloom.media.limits import DEFAULT_LIMITS, Allowance, Limits
from heirloom.media.transcode import ffmpeg_evidence
from heirloom.media.transcode.ffmpeg import FfmpegTranscoder
from heirloom.media.video import probe
from tests.media.conftest import FFMPEG, MakeClip, run_ffmpeg

Program = Callable[[str], str]
WITH_A_GPU = 'case "$*" in *-hwaccels*) echo "Hardware acceleration methods:"; echo cuda; exit;; esac\n'


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return a function that writes a program which does as told and is FFmpeg otherwise."""

    def write(does: str) -> str:
        file = tmp_path_factory.mktemp("program") / "ffmpeg"
        real = shutil.copy(FFMPEG, file.with_name("real"))  # beside it: a limited child may run nothing elsewhere
        file.write_text(f'#!/bin/bash\n{does}exec {real} "$@"\n')
        file.chmod(0o755)
        return str(file)

    return write


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    device = tmp_path / "nvidiactl"
    device.touch()
    monkeypatch.setattr(ffmpeg_evidence, "NVIDIA", device)
    return device


def copied(clip: Path, folder: Path, transcoder: FfmpegTranscoder, limits: Limits = DEFAULT_LIMITS) -> Path:
    return make_evidence(clip, probe(clip), folder, limits, transcoder=transcoder).clip


def refused(clip: Path, folder: Path, transcoder: FfmpegTranscoder, limits: Limits = DEFAULT_LIMITS) -> str:
    with pytest.raises(Refusal) as caught:
        copied(clip, folder, transcoder, limits)
    return caught.value.code


# This one decodes by the GPU alone: a copy that comes of it was asked for that way.
GPU_ALONE = WITH_A_GPU + (
    'case "$*" in *faststart*) [[ "$*" == *"-hwaccel cuda"* ]] || exit 1; given=("$@"); kept=()\n'
    'for ((i = 0; i < $#; i++)); do [[ ${given[i]} == -hwaccel ]] && ((++i)) || kept+=("${given[i]}"); done\n'
    'set -- "${kept[@]}";; esac\n'
)
BROKEN_GPU = WITH_A_GPU + 'case "$*" in *"-hwaccel cuda"*) exit 1;; esac\n'


def test_a_gpu_that_is_there_decodes(program: Program, card: Path, whole_clip: Path, tmp_path: Path) -> None:
    binary = program(GPU_ALONE)

    assert copied(whole_clip, tmp_path, FfmpegTranscoder(binary, use_gpu=True)).stat().st_size
    assert refused(whole_clip, tmp_path, FfmpegTranscoder(binary, use_gpu=False)) == "invalid_video"


def test_a_gpu_that_fails_gives_way_to_the_processor(
    program: Program, card: Path, whole_clip: Path, tmp_path: Path
) -> None:
    assert copied(whole_clip, tmp_path, FfmpegTranscoder(program(BROKEN_GPU), use_gpu=True)).stat().st_size


def test_no_gpu_is_asked_for_where_there_is_none(program: Program, card: Path) -> None:
    offered = program(WITH_A_GPU)

    assert ffmpeg_evidence.decoders(offered, use_gpu=True) == ("cuda", "")
    assert ffmpeg_evidence.decoders(offered, use_gpu=False) == ("",)
    assert ffmpeg_evidence.decoders(program("exit\n"), use_gpu=True) == ("",)
    card.unlink()
    assert ffmpeg_evidence.decoders(offered, use_gpu=True) == ("",)


def test_an_ffmpeg_without_the_encoders_is_told(program: Program, whole_clip: Path, tmp_path: Path) -> None:
    binary = program('case "$*" in *-encoders*) echo " A....D aac  AAC"; exit;; esac\n')

    assert refused(whole_clip, tmp_path, FfmpegTranscoder(binary)) == "transcoder_unavailable"


def test_sound_that_cannot_be_read_leaves_a_silent_copy(whole_clip: Path, tmp_path: Path) -> None:
    clip = tmp_path / "odd.mkv"
    run_ffmpeg(
        *("-i", str(whole_clip), "-f", "lavfi", "-i", "sine=d=4", "-c:v", "copy"),
        *("-c:a", "wmav2", "-shortest", str(clip)),
    )

    with av.open(str(copied(clip, tmp_path, FfmpegTranscoder(FFMPEG)))) as opened:
        assert [stream.type for stream in opened.streams] == ["video"]


@pytest.mark.parametrize(
    ("code", "allowance"),
    {
        "too_much_time": Allowance(cpu_s=30, wall_s=0.05, memory_mb=2048, file_mb=9),
        "too_many_bytes": Allowance(cpu_s=30, wall_s=30, memory_mb=2048, file_mb=0),
        "too_much_cpu_time": Allowance(cpu_s=0, wall_s=30, memory_mb=2048, file_mb=9),
    }.items(),
)
def test_a_copy_beyond_its_allowance_is_refused(
    whole_clip: Path, tmp_path: Path, code: str, allowance: Allowance
) -> None:
    limits = replace(DEFAULT_LIMITS, evidence=allowance)

    assert refused(whole_clip, tmp_path, FfmpegTranscoder(FFMPEG), limits) == code


def test_a_copy_ends_at_the_longest_clip_that_is_taken(make_clip: MakeClip, whole_clip: Path, tmp_path: Path) -> None:
    facts, limits = probe(whole_clip), Limits(max_clip_s=2.0)

    made = FfmpegTranscoder(FFMPEG).evidence(whole_clip, facts, tmp_path, limits=limits)

    assert probe(made.clip).duration_s == pytest.approx(2, abs=0.1)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg on PATH")
def test_the_programs_that_come_along_have_the_encoders() -> None:
    for binary in (FFMPEG, str(shutil.which("ffmpeg"))):
        assert ffmpeg_evidence.encoders(binary) >= ffmpeg_evidence.ENCODERS
