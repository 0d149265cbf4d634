"""Whole files cut off, and whole files damaged, at places that do not change from run to run."""

import random
from collections.abc import Iterator

from tests.media.hostile.bases import CLIPS, STILLS, clip, still
from tests.media.hostile.made import ACCEPTED, NOTED, Bait, Hostile

ANY_PHOTO = ("invalid_image", "too_many_pixels", "too_much_memory", "unsupported_format", ACCEPTED)
ANY_CLIP = (
    *("invalid_video", "clip_incomplete", "no_video_frames", "clip_too_long", "too_many_pixels", "unsupported_format"),
    *(ACCEPTED, NOTED),
)
CUT_CLIPS = ("faststart.mp4", "plain.mp4", "fragmented.mp4", "plain.mkv", "plain.avi")
FLIPS = 24


def photos(_bait: Bait) -> Iterator[Hostile]:
    """JPEG, PNG and HEIC cut at every tenth."""
    for extension in ("jpg", "png", "heic"):
        for tenths in range(1, 10):
            yield Hostile(f"{tenths}0.{extension}", _cut(still(extension), tenths), ("invalid_image",))


def clips(_bait: Bait) -> Iterator[Hostile]:
    """MP4 with its index first, last and in parts, Matroska and AVI cut at every tenth."""
    for name in CUT_CLIPS:
        for tenths in range(1, 10):
            yield Hostile(f"{tenths}0_{name}", _cut(clip(name), tenths), _by_length(name, tenths))


def flipped(_bait: Bait) -> Iterator[Hostile]:
    """Bytes of every format changed: whatever comes of it, a picture or a refusal."""
    for extension in STILLS:
        for seed in range(3):
            yield Hostile(f"{seed}.{extension}", _flipped(still(extension), seed), ANY_PHOTO)
    for name in CLIPS:
        for seed in range(2):
            yield Hostile(f"{seed}_{name}", _flipped(clip(name), seed), ANY_CLIP)


def _by_length(name: str, tenths: int) -> tuple[str, ...]:
    if name == "plain.mp4":
        return ("invalid_video",)  # its index is last
    if name == "fragmented.mp4":
        return (ACCEPTED, NOTED)  # it states no length: what is there is the clip
    return ("clip_incomplete",) if tenths < 8 else (NOTED,)


def _cut(data: bytes, tenths: int) -> bytes:
    return data[: len(data) * tenths // 10]


def _flipped(data: bytes, seed: int) -> bytes:
    """Return data with FLIPS bytes changed, none of the first twelve, which say what it is."""
    choose, damaged = random.Random(seed), bytearray(data)
    for _ in range(FLIPS):
        damaged[choose.randrange(12, len(damaged))] ^= choose.randrange(1, 256)
    return bytes(damaged)
