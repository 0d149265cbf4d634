"""Colors as a screen shows them: known colors are coded into clips in every way, and read back from their frames."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from heirloom.media.video import probe, sample
from tests.media.conftest import run_ffmpeg

BARS = ((200, 40, 40), (40, 180, 40), (40, 60, 200), (210, 170, 140), (128, 128, 128), (16, 16, 16), (240, 240, 240))
"""Red, green, blue, skin, gray, dark, bright."""
SIDE = 32
Colors = np.ndarray
X264, X265 = ("-c:v", "libx264", "-qp", "4"), ("-c:v", "libx265", "-x265-params", "log-level=none:qp=4")


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A picture of the bars side by side, as raw RGB."""
    picture = tmp_path / "bars.rgb"
    row = np.repeat(np.array(BARS, np.uint8), SIDE, axis=0)
    picture.write_bytes(np.broadcast_to(row, (64, *row.shape)).tobytes())
    return picture


def clip_of(picture: Path, name: str, filters: str, coding: Sequence[str], *, pixels: str = "rgb24") -> Path:
    clip = picture.with_name(name)
    size = f"{len(BARS) * SIDE}x64"
    source = ("-f", "rawvideo", "-pix_fmt", pixels, "-s", size, "-r", "10", "-stream_loop", "4", "-i", str(picture))
    run_ffmpeg(*source, "-vf", filters, *coding, str(clip))
    return clip


def shown(clip: Path) -> Colors:
    """Return (bars, 3): the color in the middle of each bar, on average over the frames."""
    frames = sample(clip, probe(clip), count=3)
    pixels = np.mean([frame.pixels for frame in frames], axis=0)
    step = pixels.shape[1] / len(BARS)
    quarter = pixels.shape[0] // 4
    return np.array(
        [
            pixels[quarter:-quarter, round((n + 0.3) * step) : round((n + 0.7) * step)].mean(axis=(0, 1))
            for n in range(len(BARS))
        ]
    )


def assert_shown(clip: Path, tolerance: float = 4) -> None:
    assert np.abs(shown(clip) - np.array(BARS)).max() <= tolerance, shown(clip).round()


@pytest.mark.parametrize("spread", ["tv", "pc"])
@pytest.mark.parametrize("matrix", ["smpte170m", "bt709", "bt2020nc"])
@pytest.mark.parametrize("coded", ["yuv420p", "yuv444p", "yuv420p10"])
def test_a_clip_is_shown_by_the_matrix_and_range_it_names(bars: Path, matrix: str, spread: str, coded: str) -> None:
    out = {"smpte170m": "bt601", "bt709": "bt709", "bt2020nc": "bt2020"}[matrix]
    filters = f"scale=out_color_matrix={out}:out_range={spread}:flags=accurate_rnd+full_chroma_inp,format={coded}"
    coding = (*X264, "-colorspace", matrix, "-color_range", spread)

    assert_shown(clip_of(bars, "clip.mp4", filters, coding))
