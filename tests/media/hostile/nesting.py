"""Boxes within boxes, and boxes larger than the world."""

import struct
from collections.abc import Iterator

from tests.media.hostile.bases import clip, still
from tests.media.hostile.films import Matroska, Movie
from tests.media.hostile.made import ACCEPTED, Bait, Hostile
from tests.media.hostile.parts import (
    PNG_START,
    box,
    brand,
    chunk,
    element,
    full,
    long,
    riff,
    riff_chunk,
    segment,
    with_segments,
)

DEPTH = 5_000
INVALID = ("invalid_video", "no_video_frames")


def nested(_bait: Bait) -> Iterator[Hostile]:
    """MP4 boxes, EBML elements, RIFF lists and HEIC properties nested thousands deep."""
    for name in (b"moov", b"trak", b"udta", b"meta"):
        yield Hostile(f"{name.decode()}.mp4", brand() + _boxes(name), INVALID)
    inside = box(b"moov", _boxes(b"udta"))
    yield Hostile("within.mov", bytes(Movie(extra=inside)), (ACCEPTED, *INVALID))
    tags = _elements("67c8")
    yield Hostile("tags.mkv", bytes(Matroska(extra=element("1254c367", element("7373", tags)))), (ACCEPTED, *INVALID))
    chapters = element("1043a770", element("45b9", _elements("b6")))
    yield Hostile("chapters.mkv", bytes(Matroska(extra=chapters)), (ACCEPTED, *INVALID))
    yield Hostile("segments.mkv", Matroska().head + _elements("18538067"), INVALID)
    yield Hostile("lists.avi", riff(b"AVI ", _lists()), INVALID)
    yield Hostile("properties.heic", brand(b"heic", b"mif1") + full(b"meta", _boxes(b"iprp")), ("invalid_image",))


def vast_boxes(_bait: Bait) -> Iterator[Hostile]:
    """Lengths of nothing, below their own header, beyond the file, and of 2**63."""
    rest = clip("faststart.mp4")[32:]
    for name, size in (("itself", 0), ("below", 7), ("beyond", 2**32 - 1)):
        yield Hostile(f"{name}.mp4", brand() + box(b"moov", bytes(64), size=size), INVALID)
    wide = struct.pack("!I4sQ", 1, b"mdat", 2**63 - 1)
    yield Hostile("wide.mp4", brand() + wide + rest, INVALID)
    yield Hostile("negative.mp4", brand() + struct.pack("!I4sQ", 1, b"moov", 2**64 - 1) + rest, INVALID)
    yield Hostile("start.mp4", box(b"ftyp", b"isom", bytes(4), size=2**32 - 1) + rest, INVALID)
    vast = full(b"keys", struct.pack("!I", 2**32 - 1))
    yield Hostile("keys.mov", bytes(Movie(extra=box(b"meta", vast))), (ACCEPTED, *INVALID))
    run = full(b"trun", struct.pack("!I", 2**32 - 1), flags=0x100)
    fragment = box(b"moof", full(b"mfhd", bytes(4)), box(b"traf", full(b"tfhd", struct.pack("!I", 1)), run))
    yield Hostile(
        "run.mov", bytes(Movie(extra=box(b"mvex", full(b"trex", bytes(20))))) + fragment, (ACCEPTED, *INVALID)
    )
    index = full(b"sidx", struct.pack("!IIIIHH", 1, 1000, 0, 0, 0, 65535))
    yield Hostile("index.mov", bytes(Movie()) + index, (ACCEPTED, *INVALID))
    yield Hostile("unsized.mkv", bytes(Matroska(segment_size=2**56 - 1)), (ACCEPTED,))
    yield Hostile(
        "element.mkv",
        bytes(Matroska(extra=element("1254c367", size=2**56 - 2))),
        (ACCEPTED, "clip_incomplete", *INVALID),
    )
    yield Hostile("sizes.avi", riff(b"AVI ", riff_chunk(b"LIST", b"hdrl", 2**32 - 1), size=2**32 - 1), INVALID)
    yield Hostile("chunk.png", PNG_START + chunk(b"IHDR", bytes(13), length=2**31 - 1), ("invalid_image",))
    behind = still("png")[:33] + chunk(b"tEXt", b"a\0b", length=2**31 - 1) + still("png")[33:]
    yield Hostile("text.png", behind, ("invalid_image",))
    for length, meets in ((0, ACCEPTED), (1, ACCEPTED), (65535, "invalid_image")):
        marker = b"\xff\xe1" + struct.pack("!H", length)
        yield Hostile(f"segment_{length}.jpg", still("jpg")[:2] + marker + still("jpg")[2:], (meets,))
    yield Hostile("chunk.webp", riff(b"WEBP", riff_chunk(b"VP8 ", bytes(30), 2**32 - 1)), ("invalid_image",))
    yield Hostile("extra.jpg", with_segments(still("jpg"), segment(0xEE, bytes(65533)) * 300), (ACCEPTED,))
    yield Hostile("offset.tiff", b"II*\0" + long(2**32 - 8), ("invalid_image",))


def _boxes(name: bytes) -> bytes:
    inner = b""
    for depth in range(DEPTH):
        inner = struct.pack("!I", 8 * (depth + 1)) + name + inner
    return inner


def _elements(name: str) -> bytes:
    inner = b""
    for _ in range(DEPTH):
        inner = element(name, inner)
    return inner


def _lists() -> bytes:
    inner = b""
    for _ in range(DEPTH):
        inner = riff_chunk(b"LIST", b"hdrl" + inner)
    return inner
