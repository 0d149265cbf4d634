"""Headers that say what is not so."""

import struct
from collections.abc import Iterator

from tests.media.hostile.bases import clip, picture, still, written
from tests.media.hostile.films import Matroska, Movie
from tests.media.hostile.made import ACCEPTED, NOTED, Bait, Hostile
from tests.media.hostile.parts import (
    PNG_START,
    box,
    brand,
    chunk,
    edited,
    full,
    gray_tiff,
    long,
    png,
    put,
    swapped,
    tiff,
)


def of_photos(_bait: Bait) -> Iterator[Hostile]:
    """Sizes, depths, sums and magic numbers of photos."""
    invalid = ("invalid_image",)
    yield Hostile("is_png.jpg", b"\xff\xd8\xff" + still("png"), invalid)
    yield Hostile("is_jpg.png", PNG_START + still("jpg"), invalid)
    yield Hostile("is_jpg.bmp", b"BM" + long(9) + bytes(4) + long(54) + long(40) + still("jpg"), invalid)
    yield Hostile("is_text.tiff", b"II*\0" + b"not a directory at all", invalid)
    yield Hostile("larger.png", png(6_000, 6_000, depth=8, pixels=b"x\x9cc\0\0\0\1\0\1"), invalid)
    yield Hostile(
        "smaller.png", swapped(still("png"), struct.pack("!II", 160, 120), struct.pack("!II", 16, 12)), invalid
    )
    for name, depth, color in (("depth.png", 3, 0), ("color.png", 8, 5), ("both.png", 16, 3)):
        header = chunk(b"IHDR", struct.pack("!IIBBBBB", 16, 16, depth, color, 0, 0, 0))
        yield Hostile(name, PNG_START + header + chunk(b"IDAT", b"x\x9cc\0\0\0\1\0\1") + chunk(b"IEND", b""), invalid)
    yield Hostile("sum.png", still("png").replace(still("png")[29:33], bytes(4), 1), invalid)
    yield Hostile("no_header.png", PNG_START + chunk(b"IEND", b""), invalid)
    yield Hostile("larger.jpg", _jpeg_size(7_000, 7_000), (ACCEPTED,))
    yield Hostile("lines.jpg", _jpeg_size(160, 0), invalid)
    yield Hostile("parts.jpg", swapped(still("jpg"), b"\x08\0\x78\0\xa0\3", b"\x08\0\x78\0\xa0\xff"), invalid)
    yield Hostile("upside_down.bmp", _bmp_field(22, "<i", -(2**31)), ("too_many_pixels",))
    yield Hostile("negative.bmp", _bmp_field(18, "<i", -160), ("too_many_pixels",))
    yield Hostile("beyond.bmp", _bmp_field(10, "<I", 2**31), invalid)
    yield Hostile("packed.bmp", _bmp_field(30, "<I", 4), invalid)
    yield Hostile("beyond.tiff", gray_tiff(64, 64, data=bytes(10), stated=2**32 - 1), invalid)
    yield Hostile("short.tiff", gray_tiff(64, 64, data=bytes(10)), invalid)
    yield Hostile("entries.tiff", b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(24), invalid)
    yield Hostile("counts.tiff", tiff((256, 4, 2**32 - 1, long(8)), (257, 4, 2**31, long(8))), invalid)
    yield Hostile("size.webp", swapped(still("webp"), still("webp")[4:8], long(2**32 - 2)), invalid)
    yield Hostile("frame.webp", _webp_size(still("webp")), invalid)
    yield Hostile("items.heic", _iloc_beyond(still("heic")), invalid)
    yield Hostile("brand.heic", brand(b"heic", b"mif1") + clip("plain.mp4")[32:], invalid)


def of_clips(_bait: Bait) -> Iterator[Hostile]:
    """Sizes, offsets, times, dimensions, codecs and brands of clips."""
    invalid, lost = ("invalid_video",), ("clip_incomplete",)
    either = (*invalid, *lost)
    yield Hostile("sizes_vast.mov", bytes(Movie(sizes=struct.pack("!II", 2**31 - 1, 20))), either)
    yield Hostile("sizes_tiny.mov", bytes(Movie(sizes=struct.pack("!II", 1, 20))), invalid)
    yield Hostile("sizes_none.mov", bytes(Movie(sizes=struct.pack("!II", 0, 0))), (*lost, "no_video_frames", *invalid))
    yield Hostile("offsets.mov", bytes(Movie(offsets=(2**32 - 1,))), either)
    yield Hostile("own_header.mov", bytes(Movie(offsets=(0,))), (ACCEPTED,))
    yield Hostile("chunks.mov", bytes(Movie(chunks=struct.pack("!IIII", 1, 1, 2**32 - 1, 1))), (*either, ACCEPTED))
    yield Hostile("longer.mov", bytes(Movie(duration=20_000)), (ACCEPTED,))
    yield Hostile("shorter.mov", bytes(Movie(duration=100)), (ACCEPTED,))
    yield Hostile("large.mov", bytes(Movie(size=(65535, 65535))), (ACCEPTED,))
    yield Hostile(
        "larger_inside.mov", bytes(Movie(samples=(written(picture(5_000, 64), "JPEG"),) * 8)), ("too_many_pixels",)
    )
    yield Hostile("edited.mov", bytes(Movie(edits=_edit(2**31 - 1, 2**31 - 1))), (*either, "clip_too_long", ACCEPTED))
    for name, matrix in (
        ("flat", (0,) * 9),
        ("vast", (2**31 - 1,) * 9),
        ("skewed", (1 << 16, 7, 7, 9, 1 << 16, 7, 0, 0, 1)),
    ):
        yield Hostile(f"{name}_matrix.mov", bytes(Movie(matrix=matrix)), (ACCEPTED,))
    yield Hostile("codec.mov", bytes(Movie(codec=b"avc1")), invalid)
    yield Hostile("no_codec.mov", bytes(Movie(codec=b"zzzz")), invalid)
    yield Hostile("no_tables.mov", brand(b"qt  ") + box(b"moov", box(b"trak")), (*invalid, "no_video_frames"))
    yield Hostile("large.mp4", _frame_size(clip("plain.mp4"), 65535, 65535), (ACCEPTED,))
    yield Hostile("photo_brand.mp4", swapped(clip("plain.mp4"), b"isom", b"heic"), ("invalid_image",))
    yield Hostile("music_brand.mp4", swapped(clip("plain.mp4"), b"isom", b"M4A "), ("unsupported_format",))
    yield Hostile("own_brand.mp4", swapped(clip("plain.mp4"), b"isom", b"zzzz"), (ACCEPTED,))
    yield Hostile("is_mkv.mp4", brand() + clip("plain.mkv"), (*invalid, "no_video_frames"))
    yield Hostile("is_mp4.mkv", Matroska().head + clip("plain.mp4"), (*invalid, "no_video_frames"))
    yield Hostile("is_webm.webm", bytes(Matroska(doctype=b"webm")), (ACCEPTED,))
    yield Hostile("codec.mkv", bytes(Matroska(codec=b"V_VP9")), invalid)
    yield Hostile("no_codec.mkv", bytes(Matroska(codec=b"V_NOTHING")), invalid)
    yield Hostile("longer.mkv", bytes(Matroska(duration=20_000)), lost)
    yield Hostile("lost_some.mkv", bytes(Matroska(duration=2_300)), (NOTED,))
    yield Hostile("not_a_time.mkv", bytes(Matroska(duration=float("nan"))), (ACCEPTED,))
    yield Hostile("before_time.mkv", bytes(Matroska(duration=-1e300)), (ACCEPTED,))
    yield Hostile("frames.avi", _avi_stream(32, "<I", 2**31 - 1), ("clip_too_long", *lost))


def _jpeg_size(width: int, height: int) -> bytes:
    return swapped(still("jpg"), struct.pack("!BHH", 8, 120, 160), struct.pack("!BHH", 8, height, width))


def _bmp_field(at: int, form: str, value: int) -> bytes:
    return put(at, form, value)(still("bmp"))


def _webp_size(data: bytes) -> bytes:
    return swapped(data, struct.pack("<HH", 160, 120), struct.pack("<HH", 5_000, 5_000))


def _iloc_beyond(data: bytes) -> bytes:
    at = data.index(b"mdat")
    return data[: at + 4] + data[-16:]


def _edit(lasts: int, begins: int) -> bytes:
    return box(b"edts", full(b"elst", struct.pack("!IIII", 1, lasts, begins, 0x10000)))


def _frame_size(data: bytes, width: int, height: int) -> bytes:
    return edited(data, "moov/trak/mdia/minf/stbl/stsd/avc1", put(24, "!HH", width, height))


def _avi_stream(at: int, form: str, value: int) -> bytes:
    data = clip("plain.avi")
    begin = data.index(b"strh") + 8 + at
    return put(begin, form, value)(data)
