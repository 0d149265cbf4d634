"""Clips that point outside themselves: at a file of this machine, at an address."""

import struct
from collections.abc import Iterator
from pathlib import Path

from tests.media.hostile.bases import clip, remade, still
from tests.media.hostile.films import Matroska, Movie
from tests.media.hostile.made import ACCEPTED, Bait, Hostile
from tests.media.hostile.parts import box, brand, element, full


def outside(bait: Bait) -> Iterator[Hostile]:
    """Data references of QuickTime, linked segments and attachments of Matroska, reference movies."""
    for number, url in enumerate(bait.urls):
        linked = box(b"url ", bytes(4), url.encode() + b"\0")
        yield Hostile(f"url_{number}.mov", _elsewhere(bait, linked), ("invalid_video", "clip_incomplete"))
        named = box(b"urn ", bytes(4), b"x\0" + url.encode() + b"\0")
        yield Hostile(f"urn_{number}.mov", _elsewhere(bait, named), ("invalid_video", "clip_incomplete"))
        entry = full(b"rdrf", b"url ", struct.pack("!I", len(url) + 1), url.encode() + b"\0")
        movie = brand(b"qt  ") + box(b"moov", box(b"rmra", box(b"rmda", entry)))
        yield Hostile(f"elsewhere_{number}.mov", movie, ("no_video_frames", "invalid_video"))
        segments = element("3c83ab", url.encode()) + element("3e83bb", url.encode()) + element("3cb923", bytes(16))
        yield Hostile(f"linked_{number}.mkv", bytes(Matroska(info=segments)), (ACCEPTED,))
    yield Hostile("alias.mov", _elsewhere(bait, alias(bait.canary)), ("invalid_video", "clip_incomplete"))
    attached = ("-c", "copy", "-attach", str(bait.canary), "-metadata:s:t", "mimetype=application/x-truetype-font")
    named = ("-metadata:s:t", "filename=../../../../tmp/escaped.ttf")
    yield Hostile("attachment.mkv", remade(clip("plain.mkv"), "a.mkv", *attached, *named), (ACCEPTED,))
    chapter = element("b6", element("91", bytes(1)), element("6e67", bytes(16)), element("6ebc", b"\1"))
    edition = element("1043a770", element("45b9", element("45dd", b"\1"), chapter))
    yield Hostile("ordered.mkv", bytes(Matroska(extra=edition)), (ACCEPTED,))


def alias(target: Path) -> bytes:
    """Return a data reference by alias record: what FFmpeg would follow, were it told to."""
    path = str(target).encode().replace(b"/", b":")
    record = bytes(10) + bytes(28) + bytes(12) + bytes(64) + bytes(16) + struct.pack("!HH", 0, 0) + bytes(16)
    padded = path + bytes(len(path) % 2)
    return box(b"alis", bytes(4), record, struct.pack("!HH", 2, len(padded)), padded, struct.pack("!HH", 0xFFFF, 0))


def _elsewhere(bait: Bait, reference: bytes) -> bytes:
    """Return a film whose one picture is the canary itself, and whose own data are empty."""
    whole = bait.canary.read_bytes()
    sizes = struct.pack("!III", 0, 1, len(whole))
    return bytes(Movie(samples=(bytes(len(still("jpg"))),), ticks=1000, sizes=sizes, offsets=(0,), reference=reference))
