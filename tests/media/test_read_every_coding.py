"""Every codec in every container it goes into: each frame tells its own time by its gray, so times can be read back."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from heirloom.media.limits import Limits
from heirloom.media.plan import FramePlan, Reading
from heirloom.media.transcode.ffmpeg import FfmpegTranscoder
from heirloom.media.types import ClipFacts, Image
from heirloom.media.video import probe, sample
from tests.media.conftest import FFMPEG, run_ffmpeg

PROGRAMS = tuple(dict.fromkeys(filter(None, (shutil.which("ffmpeg"), FFMPEG))))
WIDTH, HEIGHT, FRAMES, RATE = 128, 96, 20, 10
DARKEST, STEP = 20, 10
CODINGS = {
    "libx264": ("-g", "8", "-qp", "10"),
    "libx265": ("-x265-params", "log-level=none:keyint=8:min-keyint=8:qp=10"),
    "libvpx": ("-deadline", "good", "-cpu-used", "5", "-g", "8", "-b:v", "1M"),
    "libvpx-vp9": ("-deadline", "good", "-cpu-used", "8", "-g", "8", "-b:v", "1M"),
    "libaom-av1": ("-usage", "realtime", "-cpu-used", "8", "-g", "8", "-crf", "10"),
    "libsvtav1": ("-preset", "12", "-g", "8", "-crf", "10", "-svtav1-params", "enable-overlays=0"),
    "mpeg4": ("-g", "8", "-qscale", "2", "-bf", "2"),
    "h263": ("-g", "8", "-qscale", "2"),
    "mjpeg": ("-q:v", "2", "-pix_fmt", "yuvj420p"),
    "libxvid": ("-g", "8", "-qscale", "2"),
}
CONTAINERS = {
    "libx264": ("mp4", "m4v", "mov", "mkv", "3gp", "avi"),
    "libx265": ("mp4", "mov", "mkv"),
    "libvpx": ("webm", "mkv"),
    "libvpx-vp9": ("webm", "mkv", "mp4"),
    "libaom-av1": ("mp4", "mkv", "webm"),
    "libsvtav1": ("mp4",),
    "mpeg4": ("mp4", "mov", "mkv", "avi", "3gp"),
    "h263": ("3gp",),
    "mjpeg": ("avi", "mov"),
    "libxvid": ("avi",),
}


@cache
def encoders(program: str) -> str:
    return subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, check=True).stdout


def grays(count: int = FRAMES) -> bytes:
    """Return frames of one gray each, brighter by a step from one to the next."""
    return b"".join(bytes([DARKEST + STEP * number]) * (WIDTH * HEIGHT) for number in range(count))


def number_of(image: Image) -> float:
    """Return which of the frames this is, by its gray: the signal is coded in limited range."""
    return (float(image.pixels.mean()) - DARKEST) / STEP


def coded(clip: Path, *coding: str, program: str = FFMPEG, filters: str = "null", count: int = FRAMES) -> Path:
    raw = clip.with_name("grays.raw")
    raw.write_bytes(grays(count))
    size = f"{WIDTH}x{HEIGHT}"
    run_ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "gray", "-s", size, "-r", str(RATE), "-i", str(raw)),
        *("-vf", f"{filters},scale=out_range=tv,format=yuv420p", *coding, str(clip)),
        program=program,
    )
    return clip


def coded_by(program: str, codec: str, clip: Path) -> Path:
    if f" {codec} " not in encoders(program):
        pytest.skip(f"{program} cannot make this")
    return coded(clip, "-c:v", codec, *CODINGS[codec], program=program)


def read(clip: Path, facts: ClipFacts, reading: Reading) -> list[Image]:
    times_s = facts.keyframes_at_s if reading in {Reading.KEYFRAMES, Reading.SEEKS} else (0.0, 0.45, 0.9, 1.35, 1.8)
    plan = FramePlan(reading, times_s)
    return list(FfmpegTranscoder().frames(clip, facts, plan, max_side=1280, limits=Limits()))


@pytest.mark.parametrize("program", PROGRAMS, ids=[Path(program).name[:12] for program in PROGRAMS])
@pytest.mark.parametrize(
    ("codec", "container"), [(codec, container) for codec, names in CONTAINERS.items() for container in names]
)
def test_every_frame_of_every_coding_comes_with_its_own_time(
    tmp_path: Path, codec: str, container: str, program: str
) -> None:
    clip = coded_by(program, codec, tmp_path / f"clip.{container}")

    facts = probe(clip)

    # AVI tells no times of its frames, only their order as coded: where some refer to later ones, all come that late.
    assert facts.duration_s == pytest.approx(2, abs=0.25)
    assert len(facts.keyframes_at_s) >= 2
    for reading in Reading:
        images = read(clip, facts, reading)
        wanted = 5 if reading in {Reading.REFERENCES, Reading.EVERY} else len(facts.keyframes_at_s)
        assert len(images) in ({wanted - 1, wanted} if container == "avi" else {wanted})
        for image in images:
            assert image.at_s is not None
            assert number_of(image) == pytest.approx(image.at_s * RATE, abs=2.6 if container == "avi" else 0.6)


@pytest.mark.parametrize("program", PROGRAMS, ids=[Path(program).name[:12] for program in PROGRAMS])
@pytest.mark.parametrize(("codec", "container"), [(codec, names[0]) for codec, names in CONTAINERS.items()])
def test_a_leap_to_a_keyframe_leaves_out_what_lies_before_it_and_no_more(
    tmp_path: Path, codec: str, container: str, program: str
) -> None:
    clip = coded_by(program, codec, tmp_path / f"clip.{container}")
    facts = probe(clip)
    keyframe_s = max(at_s for at_s in facts.keyframes_at_s if at_s < 1.7)
    plan = FramePlan(Reading.REFERENCES, (0.0, 0.3, keyframe_s, keyframe_s + 0.2), (keyframe_s,))

    images = list(FfmpegTranscoder().frames(clip, facts, plan, max_side=1280, limits=Limits()))

    late = 2.6 if container == "avi" else 0.6
    assert keyframe_s > 0.6
    assert [image.at_s for image in images] == pytest.approx(plan.times_s, abs=0.26 if container == "avi" else 0.11)
    assert [number_of(image) for image in images] == [pytest.approx(image.at_s * RATE, abs=late) for image in images]


def test_leaps_to_neighboring_keyframes_lose_nothing_after_them(tmp_path: Path) -> None:
    keyframes = ("-force_key_frames", "0.8,0.9,1.5", "-g", "250")
    clip = coded(tmp_path / "close.mp4", "-c:v", "libx264", *keyframes, "-qp", "10")
    facts = probe(clip)
    plan = FramePlan(Reading.REFERENCES, (0.7, 0.8, 0.9, 1.1, 1.5, 1.8), (0.8, 0.9, 1.5))

    images = list(FfmpegTranscoder().frames(clip, facts, plan, max_side=1280, limits=Limits()))

    assert facts.keyframes_at_s == pytest.approx((0.0, 0.8, 0.9, 1.5), abs=0.01)
    assert [image.at_s for image in images] == pytest.approx(plan.times_s, abs=0.11)  # the last may be a B-frame


def test_frames_of_uneven_rate_are_chosen_and_told_by_their_time(tmp_path: Path) -> None:
    """Ever longer from one frame to the next, as a phone does in the dark."""
    clip = coded(
        tmp_path / "uneven.mp4", "-c:v", "libx264", "-qp", "10", "-fps_mode", "vfr", filters="setpts=N*N*0.01/TB"
    )
    facts = probe(clip)

    images = sample(clip, facts, count=8)

    assert facts.duration_s == pytest.approx(3.61, abs=0.5)
    assert max(np.diff([image.at_s for image in images])) < 0.8
    for image in images:
        assert image.at_s == pytest.approx(number_of(image) ** 2 * 0.01, abs=0.03 + 0.02 * number_of(image) * 0.5)


@pytest.mark.parametrize("field", ["tff", "bff"])
def test_an_interlaced_clip_shows_one_moment_in_each_frame(tmp_path: Path, field: str) -> None:
    rows = np.where(np.arange(HEIGHT) % 2 == 0, 200, 60).astype(np.uint8)
    raw, clip = tmp_path / "fields.raw", tmp_path / "fields.mp4"
    raw.write_bytes(np.repeat(rows, WIDTH).tobytes() * 10)
    run_ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", str(raw)),
        *("-vf", f"setfield={field},scale=out_range=tv:interl=1,format=yuv420p"),
        *("-c:v", "libx264", "-qp", "10", "-flags", "+ildct+ilme", "-x264-params", f"{field}=1", str(clip)),
    )

    for image in sample(clip, probe(clip), count=2):
        assert (image.width, image.height) == (WIDTH, HEIGHT)
        assert np.ptp(image.pixels[4:-4]) < 25


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
def test_turned_and_mirrored_clips_come_out_as_ffmpeg_shows_them(
    whole_clip: Path, tmp_path: Path, turned: int, mirrored: bool, container: str
) -> None:
    clip = tmp_path / f"turned.{container}"
    flip = ("-display_hflip",) if mirrored else ()
    run_ffmpeg("-display_rotation", str(turned), *flip, "-i", str(whole_clip), "-c", "copy", str(clip))
    run_ffmpeg("-i", str(clip), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", str(tmp_path / "shown.raw"))
    facts = probe(clip)

    (first,) = FfmpegTranscoder().frames(
        clip, facts, FramePlan(Reading.KEYFRAMES, (0.0,)), max_side=1280, limits=Limits()
    )

    shown = np.frombuffer((tmp_path / "shown.raw").read_bytes(), np.uint8).reshape(first.pixels.shape)
    assert facts.mirrored == mirrored
    assert np.abs(first.pixels.astype(int) - shown).mean() < 2


def test_a_turn_by_an_odd_angle_is_taken_as_the_nearest_quarter(whole_clip: Path, tmp_path: Path) -> None:
    clip = tmp_path / "tilted.mp4"
    run_ffmpeg("-display_rotation", "-80", "-i", str(whole_clip), "-c", "copy", str(clip))

    assert probe(clip).rotation == 90


@pytest.mark.parametrize(("aspect", "size"), [("4/3", (171, 96)), ("3/4", (96, 96)), ("2/1", (256, 96))])
def test_frames_of_oblong_pixels_come_in_square_ones(tmp_path: Path, aspect: str, size: tuple[int, int]) -> None:
    clip = coded(tmp_path / "oblong.mkv", "-c:v", "libx264", filters=f"setsar={aspect}")

    assert {(image.width, image.height) for image in sample(clip, probe(clip))} == {size}


@pytest.mark.parametrize("size", ["3840x2160", "4096x2160", "2160x3840"])
def test_clips_of_up_to_4k_are_read_either_way_up(tmp_path: Path, size: str) -> None:
    clip = tmp_path / "large.mp4"
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-frames:v", "2")
    run_ffmpeg("-f", "lavfi", "-i", f"color=gray:s={size}:r=5", *coding, str(clip))
    facts = probe(clip)

    assert f"{facts.width}x{facts.height}" == size
    assert {max(image.width, image.height) for image in sample(clip, facts)} == {1280}


def test_a_clip_of_ten_minutes_gives_frames_of_all_of_it(tmp_path: Path) -> None:
    clip = tmp_path / "long.mp4"
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10")
    run_ffmpeg("-f", "lavfi", "-i", "color=gray:s=64x48:r=5:d=600", *coding, str(clip))

    times = [image.at_s for image in sample(clip, probe(clip)) if image.at_s is not None]

    assert len(times) == 16
    assert times[0] < 30
    assert times[-1] > 570
    assert max(np.diff(times)) < 45
