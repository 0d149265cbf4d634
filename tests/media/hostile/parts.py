"""The parts that files are made of: chunks, boxes, elements, segments; and how to change those of a whole file."""

import struct
import zlib
from collections.abc import Callable, Iterator

PNG_START = b"\x89PNG\r\n\x1a\n"
CONTAINERS = {
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"dinf",
    b"edts",
    b"udta",
    b"moof",
    b"traf",
    b"iprp",
    b"ipco",
}
EVERY_CHILD_AFTER = {b"meta": 4, b"dref": 8, b"stsd": 8}
"""Boxes that have fields of their own before the boxes within them."""


def chunk(name: bytes, data: bytes, *, length: int | None = None, crc: int | None = None) -> bytes:
    """Return a PNG chunk; its length and its sum may lie."""
    check = zlib.crc32(name + data) if crc is None else crc
    return struct.pack("!I", len(data) if length is None else length) + name + data + struct.pack("!I", check)


def png(width: int, height: int, *extra: bytes, depth: int = 1, color: int = 0, pixels: bytes | None = None) -> bytes:
    """Return a PNG of zeros, which is a few kilobytes whatever it says; extra: chunks before its pixels."""
    header = struct.pack("!IIBBBBB", width, height, depth, color, 0, 0, 0)
    if pixels is None:
        channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
        packer = zlib.compressobj(9)
        row = bytes(1 + (width * channels * depth + 7) // 8)
        pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return PNG_START + chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def with_chunk(whole: bytes, added: bytes) -> bytes:
    """Return a PNG with a chunk behind its header."""
    return whole[:33] + added + whole[33:]


def segment(marker: int, data: bytes) -> bytes:
    """Return a JPEG segment."""
    return b"\xff" + bytes([marker]) + struct.pack("!H", len(data) + 2) + data


def with_segments(whole: bytes, *segments: bytes) -> bytes:
    """Return a JPEG with segments right behind its start."""
    return whole[:2] + b"".join(segments) + whole[2:]


def tiff(*entries: tuple[int, int, int, bytes], rest: bytes = b"", following: int = 0) -> bytes:
    """Return a little-endian TIFF of one directory at 8. entries: tag, type, count, and four bytes of value."""
    directory = b"".join(struct.pack("<HHI", tag, kind, count) + value[:4] for tag, kind, count, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + struct.pack("<I", following) + rest


def long(value: int) -> bytes:
    return struct.pack("<I", value)


def gray_tiff(width: int, height: int, *, compression: int = 1, data: bytes = b"", stated: int | None = None) -> bytes:
    """Return a TIFF of eight bits of gray in one strip; its length may lie."""
    at = 8 + 2 + 9 * 12 + 4
    values = {
        256: width,
        257: height,
        258: 8,
        259: compression,
        262: 1,
        273: at,
        277: 1,
        278: height,
        279: len(data) if stated is None else stated,
    }
    return tiff(*((tag, 4, 1, long(value)) for tag, value in values.items()), rest=data)


def riff(kind: bytes, *chunks: bytes, size: int | None = None) -> bytes:
    body = kind + b"".join(chunks)
    return b"RIFF" + long(len(body) if size is None else size) + body


def riff_chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return name + long(len(data) if size is None else size) + data + bytes(len(data) % 2)


def box(name: bytes, *parts: bytes, size: int | None = None) -> bytes:
    """Return an ISO base media box; its size may lie."""
    data = b"".join(parts)
    return struct.pack("!I", len(data) + 8 if size is None else size) + name + data


def full(name: bytes, *parts: bytes, flags: int = 0, version: int = 0) -> bytes:
    return box(name, struct.pack("!I", version << 24 | flags), *parts)


def brand(major: bytes = b"isom", *others: bytes) -> bytes:
    return box(b"ftyp", major, bytes(4), *others)


def element(name: str, *parts: bytes, size: int | None = None) -> bytes:
    """Return an EBML element. name: its id in hexadecimal; its size may lie."""
    data = b"".join(parts)
    return bytes.fromhex(name) + struct.pack("!Q", 1 << 56 | (len(data) if size is None else size)) + data


def edited(data: bytes, path: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return a file of boxes with the payload of the first box at `path` ("moov/trak/tkhd") changed.

    Sizes around it are mended, offsets into the file are not.
    """
    name, _, rest = path.partition("/")
    made, done = [], False
    for kind, payload in boxes(data):
        if kind == name.encode() and not done:
            done = True
            skipped = EVERY_CHILD_AFTER.get(kind, 0)
            inner = edited(payload[skipped:], rest, change) if rest else b""
            payload = payload[:skipped] + inner if rest else change(payload)  # noqa: PLW2901
        made.append(box(kind, payload))
    if not done:
        raise LookupError(path)
    return b"".join(made)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def put(at: int, form: str, *values: int) -> Callable[[bytes], bytes]:
    """Return a change that packs values over a payload, from byte `at` on."""
    new = struct.pack(form, *values)
    return lambda payload: payload[:at] + new + payload[at + len(new) :]


def swapped(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return data with the first `old` overwritten by `new`. Raises LookupError if it is not there."""
    at = data.find(old)
    if at < 0:
        raise LookupError(old)
    return data[:at] + new + data[at + len(new) :]
