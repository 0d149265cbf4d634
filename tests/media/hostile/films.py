"""Films of JPEG pictures built table by table, so that each table may lie."""

import struct
from dataclasses import dataclass

from tests.media.hostile.bases import still
from tests.media.hostile.parts import box, brand, element, full

UPRIGHT = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
SELF_CONTAINED = box(b"url ", struct.pack("!I", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Movie:
    """A QuickTime film. What is None is said as it is; ticks: how long each picture stands."""

    samples: tuple[bytes, ...] = (still("jpg"),) * 20
    timescale: int = 1000
    ticks: int = 100
    size: tuple[int, int] = (160, 120)
    codec: bytes = b"jpeg"
    start: bytes = brand(b"qt  ")
    duration: int | None = None
    sizes: bytes | None = None
    times: bytes | None = None
    chunks: bytes | None = None
    offsets: tuple[int, ...] | None = None
    matrix: tuple[int, ...] = UPRIGHT
    reference: bytes = SELF_CONTAINED
    edits: bytes = b""
    extra: bytes = b""

    def __bytes__(self) -> bytes:
        lasts = len(self.samples) * self.ticks if self.duration is None else self.duration
        header = struct.pack("!IIIIIH10x", 0, 0, self.timescale, lasts, 0x10000, 0x100) + struct.pack(
            "!9i24xI", *UPRIGHT, 2
        )
        film = box(b"mdat", *self.samples)
        data_at = len(self.start) + 8
        moov = box(b"moov", full(b"mvhd", header), self._track(lasts, data_at), self.extra)
        return self.start + film + moov

    def _track(self, lasts: int, data_at: int) -> bytes:
        wide, high = self.size
        sides = struct.pack("!II", wide << 16 & 2**32 - 1, high << 16 & 2**32 - 1)
        shown = struct.pack("!IIIII16x", 0, 0, 1, 0, lasts) + struct.pack("!9i", *self.matrix) + sides
        media = full(b"mdhd", struct.pack("!IIIIHH", 0, 0, self.timescale, lasts, 0, 0))
        handler = full(b"hdlr", b"mhlrvide", bytes(12), b"\0")
        links = box(b"dinf", full(b"dref", struct.pack("!I", 1), self.reference))
        inner = box(b"minf", full(b"vmhd", bytes(8), flags=1), links, self._tables(data_at))
        return box(b"trak", full(b"tkhd", shown, flags=7), self.edits, box(b"mdia", media, handler, inner))

    def _tables(self, data_at: int) -> bytes:
        wide, high = (side & 0xFFFF for side in self.size)
        entry = (
            struct.pack("!6xH16xHHIIIH", 1, wide, high, 0x480000, 0x480000, 0, 1)
            + bytes(32)
            + struct.pack("!Hh", 24, -1)
        )
        count = len(self.samples)
        sizes = struct.pack("!II", 0, count) + b"".join(struct.pack("!I", len(one)) for one in self.samples)
        times = struct.pack("!III", 1, count, self.ticks)
        chunks = struct.pack("!IIII", 1, 1, count, 1)
        offsets = (data_at,) if self.offsets is None else self.offsets
        return box(
            b"stbl",
            full(b"stsd", struct.pack("!I", 1), box(self.codec, entry)),
            full(b"stts", times if self.times is None else self.times),
            full(b"stsc", chunks if self.chunks is None else self.chunks),
            full(b"stsz", sizes if self.sizes is None else self.sizes),
            full(b"stco", struct.pack(f"!I{len(offsets)}I", len(offsets), *offsets)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Matroska:
    """A Matroska film. duration: in milliseconds; times: of each picture; extra: elements before the pictures."""

    samples: tuple[bytes, ...] = (still("jpg"),) * 20
    times: tuple[int, ...] | None = None
    duration: float = 2000.0
    size: tuple[int, int] = (160, 120)
    codec: bytes = b"V_MJPEG"
    doctype: bytes = b"matroska"
    info: bytes = b""
    extra: bytes = b""
    segment_size: int | None = None

    @property
    def head(self) -> bytes:
        return element("1a45dfa3", element("4286", b"\1"), element("4282", self.doctype), element("4287", b"\4"))

    def __bytes__(self) -> bytes:
        info = element(
            "1549a966", element("2ad7b1", b"\x0f\x42\x40"), element("4489", struct.pack("!d", self.duration)), self.info
        )
        wide, high = (struct.pack("!Q", side) for side in self.size)
        video = element("e0", element("b0", wide), element("ba", high))
        fields = (element("d7", b"\1"), element("73c5", b"\1"), element("83", b"\1"), element("86", self.codec), video)
        tracks = element("1654ae6b", element("ae", *fields))
        return self.head + element("18538067", info, tracks, self.extra, *self._clusters(), size=self.segment_size)

    def _clusters(self) -> list[bytes]:
        times = tuple(range(0, 100 * len(self.samples), 100)) if self.times is None else self.times
        return [
            element("1f43b675", element("e7", struct.pack("!Q", time)), element("a3", b"\x81\0\0\x80", sample))
            for time, sample in zip(times, self.samples, strict=True)
        ]
