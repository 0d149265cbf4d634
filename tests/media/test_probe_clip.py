from collections.abc import Callable
from pathlib import Path

import pytest

from heirloom.errors import Refusal
from heirloom.media.limits import Limits
from heirloom.media.video import probe
from tests.media.conftest import MakeClip, run_ffmpeg

CODINGS = {
    "clip.mp4": ("-c:v", "libx264"),
    "clip.m4v": ("-c:v", "libx264"),
    "clip.mov": ("-c:v", "libx264", "-g", "10"),
    "clip.3gp": ("-c:v", "libx264"),
    "clip.mkv": ("-c:v", "libx265", "-x265-params", "log-level=none", "-preset", "ultrafast"),
    "clip.webm": ("-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5"),
    "clip.avi": ("-c:v", "mpeg4"),
}


def refused(clip: Path, limits: Limits | None = None) -> str:
    with pytest.raises(Refusal) as caught:
        probe(clip, limits or Limits())
    return caught.value.code


Holding = Callable[[str, bytes | str], Path]


@pytest.fixture
def holding(tmp_path: Path) -> Holding:
    def write(name: str, data: bytes | str) -> Path:
        clip = tmp_path / name
        clip.write_bytes(data if isinstance(data, bytes) else data.encode())
        return clip

    return write


@pytest.mark.parametrize("name", CODINGS)
def test_a_clip_of_every_promised_container_is_read(make_clip: MakeClip, name: str) -> None:
    facts = probe(make_clip(name, *CODINGS[name], seconds=2))

    assert facts.container == Path(name).suffix[1:]
    assert (facts.width, facts.height, facts.rotation) == (320, 240, 0)
    assert facts.duration_s == pytest.approx(2, abs=0.15)
    assert facts.frames_per_s == pytest.approx(15, abs=0.5)
    assert facts.keyframes_at_s[0] == pytest.approx(0, abs=0.1)


def test_keyframes_are_told_by_their_times(whole_clip: Path) -> None:
    assert probe(whole_clip).keyframes_at_s == pytest.approx((0, 1, 2, 3), abs=0.01)


@pytest.mark.parametrize(("turned", "size"), [(90, (240, 320)), (180, (320, 240)), (270, (240, 320))])
def test_the_size_of_a_rotated_clip_is_told_upright(
    whole_clip: Path, tmp_path: Path, turned: int, size: tuple[int, int]
) -> None:
    rotated = tmp_path / "rotated.mov"
    run_ffmpeg("-display_rotation", str(-turned), "-i", str(whole_clip), "-c", "copy", str(rotated))

    facts = probe(rotated)

    assert facts.rotation == turned
    assert (facts.width, facts.height) == size


def test_a_clip_with_wide_pixels_is_told_in_square_ones(make_clip: MakeClip) -> None:
    facts = probe(
        make_clip("wide.mp4", "-c:v", "libx264", "-bsf:v", "h264_metadata=sample_aspect_ratio=4/3", seconds=1)
    )

    assert (facts.width, facts.height) == (427, 240)


def test_a_recording_of_a_browser_that_states_no_duration_is_measured(make_clip: MakeClip) -> None:
    facts = probe(make_clip("live.webm", *CODINGS["clip.webm"], "-live", "1", seconds=2))

    assert facts.duration_s == pytest.approx(2, abs=0.15)


def test_a_clip_of_sound_alone_holds_no_pictures(tmp_path: Path) -> None:
    for name, codec in (("sound.mp4", "aac"), ("sound.webm", "libopus"), ("sound.avi", "pcm_s16le")):
        run_ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", codec, str(tmp_path / name))
        assert refused(tmp_path / name) == "no_video_frames"


def test_sound_with_a_cover_picture_holds_no_pictures_either(tmp_path: Path, whole_clip: Path) -> None:
    covered = tmp_path / "covered.mp4"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "sine=d=1", "-i", str(whole_clip.parent / "portrait.png")),
        *("-map", "0", "-map", "1", "-c:v", "png", "-disposition:v", "attached_pic", str(covered)),
    )

    assert refused(covered) == "no_video_frames"


def test_a_clip_of_no_frames_is_refused(whole_clip: Path, tmp_path: Path) -> None:
    for name in ("none.mkv", "none.mp4"):
        run_ffmpeg("-i", str(whole_clip), "-c", "copy", "-frames:v", "0", str(tmp_path / name))
        assert refused(tmp_path / name) in {"no_video_frames", "invalid_video"}


def test_a_clip_that_is_too_long_is_refused(whole_clip: Path) -> None:
    assert refused(whole_clip, Limits(max_clip_s=3.5)) == "clip_too_long"


def test_a_clip_that_is_too_long_and_does_not_say_so_is_refused(make_clip: MakeClip) -> None:
    live = make_clip("live.webm", *CODINGS["clip.webm"], "-live", "1", seconds=2)

    assert refused(live, Limits(max_clip_s=1)) == "clip_too_long"


def test_a_clip_of_too_many_pixels_is_refused_either_way_up(whole_clip: Path, make_clip: MakeClip) -> None:
    upright = make_clip("upright.mp4", "-c:v", "libx264", size="180:320", seconds=1)

    assert refused(whole_clip, Limits(max_clip_side=319)) == "too_many_pixels"
    assert refused(upright, Limits(max_clip_side=319)) == "too_many_pixels"
    assert probe(upright, Limits(max_clip_side=320)).height == 320


@pytest.mark.parametrize("kept", [0.3, 0.6])
def test_a_clip_whose_transfer_broke_off_is_refused(whole_clip: Path, holding: Holding, kept: float) -> None:
    data = whole_clip.read_bytes()

    assert refused(holding("cut.mp4", data[: int(len(data) * kept)])) == "clip_incomplete"


def test_a_clip_whose_end_alone_is_missing_is_read(whole_clip: Path, holding: Holding) -> None:
    data = whole_clip.read_bytes()

    assert probe(holding("nearly.mp4", data[: int(len(data) * 0.97)])).duration_s > 3.2


def test_a_clip_cut_before_its_index_is_refused(make_clip: MakeClip, holding: Holding) -> None:
    data = make_clip("clip.mp4", *CODINGS["clip.mp4"], seconds=2).read_bytes()

    assert refused(holding("cut.mp4", data[: len(data) // 2])) == "invalid_video"


def test_an_empty_clip_is_refused(holding: Holding) -> None:
    assert refused(holding("empty.mp4", b"")) == "empty_file"


def test_a_clip_of_too_many_bytes_is_refused(whole_clip: Path) -> None:
    assert refused(whole_clip, Limits(max_clip_bytes=1000)) == "too_many_bytes"


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n",
        "ffconcat version 1.0\nfile /etc/hostname\n",
        "concat:/etc/hostname|/etc/hostname",
        "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "I am a text file.",
    ],
    ids=["hls", "ffconcat", "concat", "dash", "sdp", "text"],
)
def test_a_file_that_names_other_files_is_refused_whatever_it_is_called(holding: Holding, text: str) -> None:
    assert refused(holding("clip.mp4", text)) == "unsupported_format"


@pytest.mark.parametrize(
    "start",
    [b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41", b"\x1a\x45\xdf\xa3\x84webm", b"RIFF\x00\x00\x00\x00AVI "],
)
def test_a_playlist_behind_the_first_bytes_of_a_clip_is_refused(holding: Holding, start: bytes) -> None:
    assert refused(holding("clip.mp4", start + b"\n#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")) in {
        "invalid_video",
        "no_video_frames",
    }


@pytest.mark.parametrize("name", ["-i.mp4", "concat:a|b.mp4", "http:example.mp4", "%03d.mp4", "a;b $(id).mp4"])
def test_a_name_is_never_more_than_a_name(whole_clip: Path, holding: Holding, name: str) -> None:
    assert probe(holding(name, whole_clip.read_bytes())).width == 320


def test_a_photo_is_no_clip(whole_clip: Path) -> None:
    assert refused(whole_clip.parent / "portrait.png") == "unsupported_format"


def test_what_is_no_ordinary_file_is_refused() -> None:
    assert refused(Path("/dev/zero")) == "unsupported_format"


def test_a_clip_that_is_not_there_is_our_own_fault() -> None:
    with pytest.raises(FileNotFoundError):
        probe(Path("/nonexistent/clip.mp4"))


def test_the_shared_clips_are_read(assets: Path) -> None:
    facts = probe(assets / "data" / "clips" / "phone_rotated90.mov")

    assert facts.rotation == 90
    assert (facts.width, facts.height) == (320, 568)
