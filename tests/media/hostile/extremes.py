"""Lengths, sizes, rates and counts far beyond reason."""

import struct
from collections.abc import Iterator

from tests.media.hostile.bases import H264, clip, coded, still
from tests.media.hostile.films import Matroska, Movie
from tests.media.hostile.made import ACCEPTED, Bait, Hostile
from tests.media.hostile.parts import edited, png, put, segment, swapped

HOURS = 10
SECONDS = HOURS * 3600


def ten_hours(_bait: Bait) -> Iterator[Hostile]:
    """Ten hours, by the header or by the times of the pictures."""
    long = ("clip_too_long",)
    yield Hostile("header.mov", bytes(Movie(duration=SECONDS * 1000)), (ACCEPTED,))
    yield Hostile("header.mkv", bytes(Matroska(duration=SECONDS * 1000.0)), long)
    yield Hostile("header.mp4", edited(clip("plain.mp4"), "moov/trak/mdia/mdhd", put(16, "!I", 2**31 - 1)), (ACCEPTED,))
    yield Hostile("endless.mkv", bytes(Matroska(duration=float("inf"))), (ACCEPTED,))
    yield Hostile("pictures.mov", bytes(Movie(ticks=SECONDS * 1000 // 20)), long)
    yield Hostile(
        "pictures.mkv", bytes(Matroska(duration=0.0, times=tuple(range(0, SECONDS * 1000, SECONDS * 50)))), long
    )
    yield Hostile("last.mkv", bytes(Matroska(duration=0.0, times=(*range(0, 1900, 100), SECONDS * 1000))), long)
    yield Hostile("rate.avi", _avi_rate(clip("plain.avi"), 3600, 1), long)
    yield Hostile(
        "fragments.mp4",
        swapped(clip("fragmented.mp4"), b"tfdt\1\0\0\0" + bytes(8), b"tfdt\1\0\0\0\0\0\0\1" + bytes(4)),
        long,
    )


def absurd_sizes(_bait: Bait) -> Iterator[Hostile]:
    """Sides of nothing, of one, of tens of thousands, and a size that grows midway."""
    pixels = ("too_many_pixels",)
    for name, width, height in (
        ("nothing", 0, 0),
        ("no_height", 160, 0),
        ("vast", 2**31 - 1, 2**31 - 1),
        ("most", 2**32 - 1, 1),
    ):
        meets = ("invalid_image",) if 0 in (width, height) else pixels
        yield Hostile(f"{name}.png", png(width, height, pixels=b"x\x9cc\0\0\0\1\0\1"), meets)
    yield Hostile("line.png", png(1, 60_000), (ACCEPTED,))
    yield Hostile("row.png", png(60_000, 1), (ACCEPTED,))
    vast = struct.pack("!BHH", 8, 65_535, 65_535)
    yield Hostile("vast.jpg", swapped(still("jpg"), struct.pack("!BHH", 8, 120, 160), vast), pixels)
    yield Hostile("vast.mkv", bytes(Matroska(size=(2**32 - 1, 2**32 - 1))), (ACCEPTED,))
    yield Hostile("nothing.mkv", bytes(Matroska(size=(0, 0))), (ACCEPTED,))
    yield Hostile("wide.mp4", coded("a.mp4", *H264, source="color=size=4112x64:rate=5:duration=1"), pixels)
    yield Hostile("ribbon.mp4", coded("a.mp4", *H264, source="color=size=4096x16:rate=5:duration=1"), (ACCEPTED,))
    yield Hostile("shape.mp4", coded("a.mp4", *H264, "-vf", "setsar=40"), pixels)
    yield Hostile("thin.mp4", coded("a.mp4", *H264, "-vf", "setsar=1/999"), (ACCEPTED,))
    small, grown = (
        still("jpg"),
        swapped(still("jpg"), struct.pack("!BHH", 8, 120, 160), struct.pack("!BHH", 8, 60_000, 60_000)),
    )
    yield Hostile("grows.mov", bytes(Movie(samples=(small,) * 3 + (grown,) * 17)), ("clip_incomplete",))


def absurd_counts(_bait: Bait) -> Iterator[Hostile]:
    """Rates beyond any camera, more frames than bytes, counts of four thousand millions."""
    whole = still("jpg")
    yield Hostile("fast.mov", bytes(Movie(timescale=2**31 - 1, ticks=1)), ("clip_incomplete",))
    yield Hostile("no_scale.mov", bytes(Movie(timescale=0)), ("clip_too_long",))
    yield Hostile("no_time.mov", bytes(Movie(ticks=0)), ("clip_incomplete",))
    yield Hostile("one_time.mkv", bytes(Matroska(times=(0,) * 20)), ("clip_incomplete",))
    yield Hostile("backwards.mkv", bytes(Matroska(times=tuple(range(2000, 0, -100)))), ("clip_incomplete",))
    yield Hostile("rate.avi", _avi_rate(clip("plain.avi"), 1, 2**32 - 1), (ACCEPTED, "invalid_video"))
    yield Hostile("no_rate.avi", _avi_rate(clip("plain.avi"), 0, 0), (ACCEPTED,))
    many = 500_000
    tables = {
        "sizes": struct.pack("!II", 1, many),
        "times": struct.pack("!III", 1, many, 1),
        "chunks": struct.pack("!IIII", 1, 1, many, 1),
    }
    film = (whole + bytes(many - len(whole)),)
    yield Hostile("frames.mov", bytes(Movie(samples=film, duration=many, **tables)), ("too_many_frames",))
    for name, table in (("sizes", struct.pack("!II", 1, 2**32 - 1)), ("times", struct.pack("!III", 2**31, 1, 1))):
        yield Hostile(
            f"{name}.mov",
            bytes(Movie(**{name: table})),
            ("invalid_video", "too_much_memory", "clip_incomplete", "too_many_frames"),
        )
    yield Hostile("again.mov", bytes(Movie(offsets=(36,) * 100_000)), (ACCEPTED,))
    yield Hostile("segments.jpg", whole[:2] + segment(0xE1, b"Exif\0\0") * 60_000 + whole[2:], (ACCEPTED,))


def _avi_rate(data: bytes, scale: int, rate: int) -> bytes:
    return put(data.index(b"strh") + 8 + 20, "<II", scale, rate)(data)
