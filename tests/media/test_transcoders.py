"""What every transcoder promises: one suite, run against all of them."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest

from heirloom.errors import Refusal
from heirloom.media.evidence import make_evidence
from heirloom.media.limits import DEFAULT_LIMITS, Limits
from heirloom.media.plan import choose_frames
from heirloom.media.transcode.base import Transcoder
from heirloom.media.types import Image
from heirloom.media.video import probe, sample
from tests.media.conftest import MakeClip, run_ffmpeg
from tests.media.transcoders import TRANSCODERS

SPOKEN_OF = (b"SECRET-TITLE", b"SECRET-MAKER", b"SECRET-TRACK", b"+48.1374", b"1999-12-31")


@pytest.fixture(params=TRANSCODERS)
def transcoder(request: pytest.FixtureRequest) -> Iterator[Transcoder]:
    with TRANSCODERS[request.param]() as made:
        yield made


@pytest.fixture(scope="session")
def talkative(whole_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with sound that says who made it, where and when."""
    clip = tmp_path_factory.mktemp("talkative") / "talkative.mov"
    told = {"title": "SECRET-TITLE", "make": "SECRET-MAKER", "location": "+48.1374+011.5755/"}
    telling = [word for key, value in told.items() for word in ("-metadata", f"{key}={value}")]
    run_ffmpeg(
        *("-i", str(whole_clip), "-f", "lavfi", "-i", "sine=d=4", "-c:v", "copy", "-c:a", "aac", "-shortest"),
        *("-metadata:s:v:0", "handler_name=SECRET-TRACK", "-metadata:s:a:0", "handler_name=SECRET-TRACK"),
        *("-metadata", "creation_time=1999-12-31T23:59:59Z", "-movflags", "use_metadata_tags", *telling, str(clip)),
    )
    said = clip.read_bytes()
    assert all(word in said for word in SPOKEN_OF[:4])
    return clip


def copy_of(clip: Path, folder: Path, transcoder: Transcoder, limits: Limits = DEFAULT_LIMITS) -> Path:
    return make_evidence(clip, probe(clip), folder, limits, transcoder=transcoder).clip


def assert_shows_the_portrait(clip: Path, shown: np.ndarray, at_s: float, within: float = 12) -> None:
    with PIL.Image.open(clip.parent / "portrait.png") as portrait:
        x, y = int(20 * at_s), int(30 + 10 * at_s)
        size = (shown.shape[1], shown.shape[0])
        expected = np.asarray(portrait.convert("RGB").crop((x, y, x + 400, y + 300)).resize(size), dtype=int)
    assert np.abs(shown - expected).mean() < within


def test_it_is_a_transcoder(transcoder: Transcoder) -> None:
    assert isinstance(transcoder, Transcoder)


def test_a_browser_can_play_the_copy_while_it_arrives(transcoder: Transcoder, talkative: Path, tmp_path: Path) -> None:
    copy = copy_of(talkative, tmp_path, transcoder)

    with av.open(str(copy)) as opened:
        video, sound = opened.streams.video[0].codec_context, opened.streams.audio[0].codec_context
        assert (video.name, video.pix_fmt, sound.name) == ("h264", "yuv420p", "aac")
        assert float(opened.duration) / av.time_base == pytest.approx(4, abs=0.3)
    data = copy.read_bytes()
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")


def test_nothing_that_a_clip_says_of_itself_is_in_the_copy(
    transcoder: Transcoder, talkative: Path, tmp_path: Path
) -> None:
    copy = copy_of(talkative, tmp_path, transcoder)

    assert not [word for word in SPOKEN_OF if word in copy.read_bytes()]
    with av.open(str(copy)) as opened:
        assert set(opened.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
        assert "creation_time" not in opened.streams.video[0].metadata


def test_the_copy_shows_what_the_clip_shows_at_the_same_times(
    transcoder: Transcoder, whole_clip: Path, tmp_path: Path
) -> None:
    copy = copy_of(whole_clip, tmp_path, transcoder)

    frames = sample(copy, probe(copy), count=4)
    assert len(frames) >= 3
    for frame in frames:
        assert frame.at_s is not None
        assert_shows_the_portrait(whole_clip, frame.pixels.astype(int), frame.at_s)


def test_a_silent_clip_has_a_silent_copy(transcoder: Transcoder, whole_clip: Path, tmp_path: Path) -> None:
    with av.open(str(copy_of(whole_clip, tmp_path, transcoder))) as opened:
        assert [stream.type for stream in opened.streams] == ["video"]


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_the_copy_and_the_poster_of_a_turned_clip_are_upright(
    transcoder: Transcoder, whole_clip: Path, tmp_path: Path, turned: int
) -> None:
    clip = tmp_path / "turned.mov"
    run_ffmpeg("-display_rotation", str(-turned), "-i", str(whole_clip), "-c", "copy", str(clip))

    made = make_evidence(clip, probe(clip), tmp_path, transcoder=transcoder)
    facts = probe(made.clip)
    (frame,) = sample(made.clip, facts, count=1)

    assert facts.rotation == 0
    for shown in (frame, made.poster):
        back = np.rot90(shown.pixels, k=turned // 90).astype(int)
        assert back.shape == (240, 320, 3)
        assert_shows_the_portrait(whole_clip, back, shown.at_s or 0.0)


def test_the_copy_of_a_large_clip_is_small(transcoder: Transcoder, make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("large.mp4", "-c:v", "libx264", "-preset", "ultrafast", seconds=1, rate=10, size="1600:1200")

    made = make_evidence(clip, probe(clip), tmp_path, transcoder=transcoder)

    facts = probe(made.clip)
    assert (facts.width, facts.height) == (1280, 960)
    assert max(made.poster.width, made.poster.height) <= 1280


def test_a_smaller_copy_can_be_asked_for(transcoder: Transcoder, whole_clip: Path, tmp_path: Path) -> None:
    facts = probe(copy_of(whole_clip, tmp_path, transcoder, Limits(max_evidence_side=160)))

    assert (facts.width, facts.height) == (160, 120)


def test_the_copy_of_a_fast_clip_keeps_thirty_frames_a_second(
    transcoder: Transcoder, make_clip: MakeClip, tmp_path: Path
) -> None:
    clip = make_clip("fast.mp4", "-c:v", "libx264", "-preset", "ultrafast", seconds=2, rate=60)

    facts = probe(copy_of(clip, tmp_path, transcoder))

    assert facts.frames_per_s == pytest.approx(30, abs=1)
    assert facts.duration_s == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("name", "coding"),
    {
        "deep.mkv": ("-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"),
        "fine.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv444p", "-vf", "crop=310:230,scale=311:231"),
        "web.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"),
        "old.avi": ("-c:v", "mpeg4"),
    }.items(),
)
def test_the_copy_is_of_one_kind_whatever_the_clip_is(
    transcoder: Transcoder, make_clip: MakeClip, tmp_path: Path, name: str, coding: tuple[str, ...]
) -> None:
    with av.open(str(copy_of(make_clip(name, *coding, seconds=1), tmp_path, transcoder))) as opened:
        video = opened.streams.video[0].codec_context
        assert (video.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (video.width % 2, video.height % 2) == (0, 0)


def test_frames_come_as_planned(transcoder: Transcoder, whole_clip: Path) -> None:
    facts = probe(whole_clip)
    plan = choose_frames(facts, 4)

    frames = list(transcoder.frames(whole_clip, facts, plan, max_side=160, limits=DEFAULT_LIMITS))

    assert [frame.at_s for frame in frames] == pytest.approx(plan.times_s, abs=0.08)
    for frame in frames:
        assert isinstance(frame, Image)
        assert (frame.width, frame.height, frame.scale) == (160, 120, 0.5)
        assert_shows_the_portrait(whole_clip, frame.pixels.astype(int), frame.at_s or 0.0)


def test_a_clip_that_cannot_be_read_is_refused(transcoder: Transcoder, whole_clip: Path, tmp_path: Path) -> None:
    clip = tmp_path / "nonsense.mp4"
    clip.write_bytes(b"#EXTM3U\nfile:///etc/hostname\n")

    with pytest.raises(Refusal) as caught:
        make_evidence(clip, probe(whole_clip), tmp_path, transcoder=transcoder)

    assert caught.value.code in {"invalid_video", "transcoding_failed"}


def test_the_folder_holds_the_copy_alone(transcoder: Transcoder, whole_clip: Path, tmp_path: Path) -> None:
    copy = copy_of(whole_clip, tmp_path, transcoder)

    assert list(tmp_path.iterdir()) == [copy]
    assert copy.stat().st_mode & 0o077 == 0
