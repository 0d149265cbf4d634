"""Clips as phones make them: the portrait, swaying, with sensor noise in every frame, at 30 frames a second."""

from dataclasses import dataclass
from pathlib import Path

from bench.pictures import SWAY, film
from bench.portraits import Portrait

SECONDS = 10.0
FRAMES_PER_S = 30
FULL_HD, ULTRA_HD = (1920, 1080), (3840, 2160)
H264, HEVC = "libx264", "libx265"
NAMES = {FULL_HD: "1080p", ULTRA_HD: "4K", H264: "H.264", HEVC: "HEVC"}
# What phones record at, in megabits a second.
BIT_RATES = {(FULL_HD, H264): 12, (FULL_HD, HEVC): 7, (ULTRA_HD, H264): 45, (ULTRA_HD, HEVC): 24}


@dataclass(frozen=True, slots=True)
class Film:
    """keyframe_every_s: None leaves keyframes to the encoder, which by default sets one every 250 frames at most."""

    size: tuple[int, int]
    codec: str
    keyframe_every_s: float | None

    def __str__(self) -> str:
        keyframes = (
            "default keyframes" if self.keyframe_every_s is None else f"keyframes every {self.keyframe_every_s:g} s"
        )
        return f"{NAMES[self.size]} {NAMES[self.codec]}, {keyframes}"

    @property
    def megabits_a_second(self) -> int:
        return BIT_RATES[self.size, self.codec]

    def shot(self, portrait: Portrait, folder: Path) -> Path:
        """Return the clip, made where it is not there yet."""
        path = folder / f"{self!s}.mp4".replace(" ", "-").replace(",", "")
        width, height = self.size
        # The sway is drawn small: turning a picture of 4K takes longer than all that is measured here.
        framing = ["scale=-2:1080", "pad=1920:1080:(ow-iw)/2:0:gray", SWAY, f"scale={width}:{height}"]
        framing += ["noise=alls=6:allf=t", "format=yuv420p"]
        if not path.exists():
            film(portrait, path, SECONDS, FRAMES_PER_S, framing, self._coding())
        return path

    def _coding(self) -> list[str]:
        rate = ["-b:v", f"{self.megabits_a_second}M", "-c:v", self.codec]
        group = None if self.keyframe_every_s is None else round(FRAMES_PER_S * self.keyframe_every_s)
        if self.codec == HEVC:
            keyframes = "" if group is None else f":keyint={group}:min-keyint={group}:scenecut=0"
            return [*rate, "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", f"log-level=none{keyframes}"]
        every = [] if group is None else ["-g", str(group), "-sc_threshold", "0"]
        return [*rate, "-preset", "superfast", *every]


def films(size: tuple[int, int]) -> tuple[Film, ...]:
    """Return the films of one size: both codecs, with keyframes close together and far apart."""
    return tuple(Film(size, codec, every_s) for codec in (H264, HEVC) for every_s in (2.0, None))
