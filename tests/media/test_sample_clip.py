import tempfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from heirloom.errors import Refusal
from heirloom.media.limits import Allowance, Limits
from heirloom.media.plan import FramePlan, Reading, choose_frames
from heirloom.media.transcode.ffmpeg import find_ffmpeg
from heirloom.media.types import ClipFacts, Image
from heirloom.media.video import probe, sample
from tests.media.conftest import MakeClip, lying_about, run_ffmpeg
from tests.media.test_probe_clip import CODINGS


def portrait_at(clip: Path, at_s: float, size: tuple[int, int]) -> np.ndarray:
    """Return what a clip of `make_clip` shows at a time, without FFmpeg."""
    with PIL.Image.open(clip.parent / "portrait.png") as portrait:
        x, y = int(20 * at_s), int(30 + 10 * at_s)
        return np.asarray(portrait.convert("RGB").crop((x, y, x + 400, y + 300)).resize(size), dtype=int)


def assert_shows_the_portrait(clip: Path, frame: Image) -> None:
    assert frame.at_s is not None
    expected = portrait_at(clip, frame.at_s, (frame.width, frame.height))
    assert np.abs(frame.pixels - expected).mean() < 10


def times(frames: tuple[Image, ...]) -> list[float]:
    return [frame.at_s for frame in frames if frame.at_s is not None]


@pytest.mark.parametrize("name", CODINGS)
def test_a_clip_of_every_promised_container_gives_frames_of_its_whole_length(make_clip: MakeClip, name: str) -> None:
    clip = make_clip(name, *CODINGS[name], seconds=2)

    frames = sample(clip, probe(clip))

    assert 5 <= len(frames) <= 16
    assert times(frames) == sorted(set(times(frames)))
    assert times(frames)[0] < 0.4
    assert times(frames)[-1] > 1.5
    for frame in frames:
        assert (frame.width, frame.height, frame.scale) == (320, 240, 1.0)
        assert_shows_the_portrait(clip, frame)


def test_a_clip_with_enough_keyframes_is_read_at_those_alone(make_clip: MakeClip) -> None:
    clip = make_clip("keyed.mp4", "-c:v", "libx264", "-g", "8", seconds=4)
    facts = probe(clip)

    assert choose_frames(facts, 16).reading is Reading.KEYFRAMES
    assert times(sample(clip, facts)) == pytest.approx(facts.keyframes_at_s, abs=0.01)


def test_a_clip_of_many_keyframes_is_read_by_seeking(make_clip: MakeClip) -> None:
    clip = make_clip("all_keyed.mp4", "-c:v", "libx264", "-g", "1", seconds=4)
    facts = probe(clip)
    plan = choose_frames(facts, 6)

    frames = sample(clip, facts, count=6)

    assert plan.reading is Reading.SEEKS
    assert times(frames) == pytest.approx(plan.times_s, abs=0.01)
    for frame in frames:
        assert_shows_the_portrait(clip, frame)


def test_a_clip_of_one_keyframe_is_read_between_its_keyframes(make_clip: MakeClip) -> None:
    clip = make_clip("unkeyed.mp4", "-c:v", "libx264", "-g", "250", seconds=5)
    facts = probe(clip)

    frames = sample(clip, facts)

    assert choose_frames(facts, 16).reading is Reading.REFERENCES
    assert len(frames) >= 14
    assert max(np.diff(times(frames))) < 0.8
    for frame in frames:
        assert_shows_the_portrait(clip, frame)


@pytest.mark.parametrize("count", [1, 3, 16])
def test_never_more_frames_come_than_were_asked_for(whole_clip: Path, count: int) -> None:
    assert 1 <= len(sample(whole_clip, probe(whole_clip), count=count)) <= count


def test_the_limit_on_frames_stands_above_what_is_asked(whole_clip: Path) -> None:
    assert len(sample(whole_clip, probe(whole_clip), Limits(max_frames=2), count=16)) <= 2


def test_frames_are_scaled_to_a_bounded_side_and_say_so(whole_clip: Path) -> None:
    for frame in sample(whole_clip, probe(whole_clip), max_side=160):
        assert (frame.width, frame.height, frame.scale) == (160, 120, 0.5)
        assert_shows_the_portrait(whole_clip, frame)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_the_frames_of_a_rotated_clip_are_upright(whole_clip: Path, tmp_path: Path, turned: int) -> None:
    rotated = tmp_path / "rotated.mp4"
    run_ffmpeg("-display_rotation", str(-turned), "-i", str(whole_clip), "-c", "copy", str(rotated))
    stored = sample(whole_clip, probe(whole_clip), count=5)

    for upright, still in zip(sample(rotated, probe(rotated), count=5), stored, strict=True):
        assert np.abs(upright.pixels.astype(int) - np.rot90(still.pixels, k=-turned // 90)).mean() < 2


def test_a_clip_of_one_frame_gives_that_frame(make_clip: MakeClip) -> None:
    clip = make_clip("one.mp4", "-c:v", "libx264", "-frames:v", "1", seconds=1)

    (frame,) = sample(clip, probe(clip))

    assert frame.at_s == 0.0


def test_a_clip_whose_sound_comes_first_keeps_its_times(whole_clip: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "sine=d=6", "-itsoffset", "1.5", "-i", str(whole_clip)),
        *("-map", "0:a", "-map", "1:v", "-c:v", "copy", "-c:a", "aac", str(late)),
    )
    facts = probe(late)

    frames = sample(late, facts)

    assert facts.stream == 1
    assert times(frames)[0] >= 1.4
    assert times(frames)[-1] <= facts.duration_s


def test_a_clip_damaged_after_its_first_frames_is_refused(whole_clip: Path, tmp_path: Path) -> None:
    facts = probe(whole_clip)
    data = bytearray(whole_clip.read_bytes())
    damaged = tmp_path / "damaged.mp4"
    start = len(data) // 3
    data[start:] = bytes(len(data) - start)
    damaged.write_bytes(data)

    with pytest.raises(Refusal) as caught:
        sample(damaged, facts)
    assert caught.value.code == "clip_incomplete"


def test_a_clip_replaced_by_nonsense_is_refused(whole_clip: Path, tmp_path: Path) -> None:
    nonsense = tmp_path / "clip.mp4"
    nonsense.write_bytes(b"#EXTM3U\nfile:///etc/hostname\n")

    with pytest.raises(Refusal) as caught:
        sample(nonsense, probe(whole_clip))
    assert caught.value.code == "invalid_video"


@pytest.mark.parametrize(
    "allowance", [Allowance(cpu_s=30, wall_s=0.02, memory_mb=2048), Allowance(cpu_s=30, wall_s=30, memory_mb=1)]
)
def test_decoding_beyond_its_allowance_ends_in_a_refusal(whole_clip: Path, allowance: Allowance) -> None:
    with pytest.raises(Refusal) as caught:
        sample(whole_clip, probe(whole_clip), Limits(frames=allowance))
    assert caught.value.code in {"too_much_memory", "too_much_time", "too_much_cpu_time", "invalid_video"}


def test_nothing_is_left_behind_by_a_refusal(whole_clip: Path, tmp_path: Path, scratch: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(whole_clip.read_bytes()[:4000])
    facts = probe(whole_clip)
    before = lying_about(scratch, tmp_path)

    with pytest.raises(Refusal):
        probe(clip)
    with pytest.raises(Refusal):
        sample(clip, facts)

    assert lying_about(scratch, tmp_path) <= before


def test_a_clip_without_a_name_can_be_read(whole_clip: Path) -> None:
    with tempfile.TemporaryFile() as unlinked:
        unlinked.write(whole_clip.read_bytes())
        unlinked.flush()
        clip = Path(f"/dev/fd/{unlinked.fileno()}")

        assert len(sample(clip, probe(clip), count=2)) == 2


def test_another_transcoder_can_take_the_place_of_ffmpeg(whole_clip: Path) -> None:
    class Elsewhere:
        def frames(
            self,
            clip: Path,
            facts: ClipFacts,
            plan: FramePlan,
            *,
            max_side: int,
            limits: Limits,
        ) -> list[Image]:
            return [Image(np.zeros((2, 2, 3), np.uint8), 0.1, time) for time in plan.times_s]

    assert sample(whole_clip, probe(whole_clip), transcoder=Elsewhere())[0].width == 2


def test_an_ffmpeg_named_but_not_there_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        find_ffmpeg("/nonexistent/ffmpeg")
