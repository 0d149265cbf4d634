"""Clips without pictures, and files with next to nothing in them."""

from collections.abc import Iterator

import PIL.Image

from tests.media.hostile.bases import H264, STILLS, clip, coded, ffmpeg, remade, still, written
from tests.media.hostile.films import Matroska, Movie
from tests.media.hostile.made import ACCEPTED, Bait, Hostile, all_meet
from tests.media.hostile.parts import box, brand

SINE = ("-f", "lavfi", "-i", "sine=d=1")
WORDS = b"1\n00:00:00,000 --> 00:00:02,000\nwords\n"


def no_frames(_bait: Bait) -> Iterator[Hostile]:
    """Clips that state a track of pictures, or none, and hold not one."""
    nothing = ("no_video_frames", "invalid_video", "clip_incomplete")
    for name in ("plain.mkv", "plain.avi", "plain.webm", "plain.mp4"):
        yield Hostile(f"none_{name}", remade(clip(name), f"a.{name[6:]}", "-c", "copy", "-frames:v", "0"), nothing)
    yield Hostile("none.mov", bytes(Movie(samples=())), nothing)
    yield Hostile("none.mkv", bytes(Matroska(samples=())), nothing)
    yield Hostile("start.mp4", brand(b"isom", b"mp42"), nothing)
    yield Hostile("data.mp4", brand() + box(b"mdat", bytes(64)), nothing)
    yield Hostile("no_tracks.mp4", brand() + box(b"moov"), nothing)
    yield Hostile("blank.mov", bytes(Movie(samples=(b"",) * 20)), nothing)


def other_streams(_bait: Bait) -> Iterator[Hostile]:
    """Sound alone, sound with a cover, words alone."""
    for name, coding in (
        ("a.mp4", "aac"),
        ("a.mov", "pcm_s16le"),
        ("a.mkv", "libopus"),
        ("a.webm", "libopus"),
        ("a.avi", "mp3"),
    ):
        yield Hostile(name, ffmpeg(name, *SINE, "-c:a", coding), ("no_video_frames",))
    words = ("-c:s", "mov_text")
    yield Hostile("words.mp4", remade(WORDS, "a.mp4", *words, suffix=".srt"), ("no_video_frames",))
    yield Hostile("words.mkv", remade(WORDS, "a.mkv", "-c:s", "srt", suffix=".srt"), ("no_video_frames",))
    cover = ("-f", "lavfi", "-i", "color=size=64x64:duration=0.04", "-map", "0", "-map", "1", "-frames:v", "1")
    covered = ffmpeg("a.mp4", *SINE, *cover, "-c:v", "png", "-disposition:v", "attached_pic")
    yield Hostile("cover.mp4", covered, ("no_video_frames",))


def next_to_nothing(_bait: Bait) -> Iterator[Hostile]:
    """No bytes, a few, one pixel, one frame."""
    yield Hostile("empty.jpg", b"", ("empty_file",))
    yield Hostile("empty.mp4", b"", ("empty_file",))
    yield from all_meet("unsupported_format", {"one.jpg": b"\xff", "two.jpg": b"\xff\xd8", "zeros.mp4": bytes(4096)})
    starts = {extension: still(extension)[:12] for extension in STILLS if extension != "bmp"}
    yield from all_meet("invalid_image", {f"start.{extension}": data for extension, data in starts.items()})
    dot = PIL.Image.new("RGB", (1, 1), "gray")
    dots = {extension: written(dot, kind) for extension, kind in STILLS.items()}
    yield from all_meet(ACCEPTED, {f"dot.{extension}": data for extension, data in dots.items()})
    yield Hostile("dot.mov", bytes(Movie(samples=(dots["jpg"],), size=(1, 1))), (ACCEPTED,))
    yield Hostile("frame.mp4", coded("a.mp4", *H264, "-frames:v", "1"), (ACCEPTED,))
