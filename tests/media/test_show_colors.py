"""Colors as a screen shows them: known colors are coded into clips in every way, and read back from their frames."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from heirloom.media.video import probe, sample
from tests.media.conftest import run_ffmpeg

BARS = np.array(
    [(180, 40, 40), (40, 180, 40), (40, 60, 180), (185, 150, 125), (128, 128, 128), (16, 16, 16), (240, 240, 240)],
    np.uint8,
)
"""Red, green, blue, skin, gray, dark, bright."""
BRIGHT = 6
SIDE = 32
X264, X265 = ("-c:v", "libx264", "-qp", "4"), ("-c:v", "libx265", "-x265-params", "log-level=none:qp=4")
PRECISE = "flags=accurate_rnd+full_chroma_inp"

# From ITU-R BT.2087, BT.2100 and SMPTE ST 2084, apart from the code that is tested.
BT2020_OF_BT709 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593])


Signal = Callable[[np.ndarray], np.ndarray]


def light_of(colors: np.ndarray, matrix: np.ndarray = BT2020_OF_BT709) -> np.ndarray:
    """Return the light of SDR colors on a screen, 1.0 for white, in other primaries."""
    return (colors / 255) ** 2.4 @ matrix.T


def pq(nits: np.ndarray) -> np.ndarray:
    power = np.clip(nits / 10_000, 0, 1) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits: np.ndarray) -> np.ndarray:
    display = np.clip(nits / 1000, 0, 1)
    luma = np.maximum(display @ BT2020_LUMA, 1e-9)[:, None]
    scene = display * luma ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )


def clip_of(signal: np.ndarray, clip: Path, filters: str, coding: Sequence[str]) -> Path:
    """Code colors side by side. signal: (bars, 3), 0 to 1."""
    size = f"{len(signal) * SIDE}x64"
    row = np.repeat(np.round(signal * 65535).astype("<u2"), SIDE, axis=0)
    picture = clip.with_name("bars.rgb")
    picture.write_bytes(np.broadcast_to(row, (64, *row.shape)).tobytes())
    source = ("-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", size, "-r", "10", "-stream_loop", "4", "-i", str(picture))
    run_ffmpeg(*source, "-vf", filters, *coding, str(clip))
    return clip


def shown(clip: Path, bars: int = len(BARS)) -> np.ndarray:
    """Return (bars, 3): the color in the middle of each bar, on average over the frames."""
    frames = sample(clip, probe(clip), count=3)
    pixels = np.mean([frame.pixels for frame in frames], axis=0)
    quarter, step = pixels.shape[0] // 4, pixels.shape[1] / bars
    middles = [slice(round((bar + 0.3) * step), round((bar + 0.7) * step)) for bar in range(bars)]
    return np.array([pixels[quarter:-quarter, middle].mean(axis=(0, 1)) for middle in middles])


def farthest(colors: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(colors - expected).max())


@pytest.mark.parametrize("spread", ["tv", "pc"])
@pytest.mark.parametrize(
    ("matrix", "scaled"), [("smpte170m", "bt601"), ("bt470bg", "bt601"), ("bt709", "bt709"), ("bt2020nc", "bt2020")]
)
@pytest.mark.parametrize("coded", ["yuv420p", "yuv420p10", "yuv444p"])
def test_a_clip_is_shown_by_the_matrix_range_and_depth_it_names(
    tmp_path: Path, matrix: str, scaled: str, spread: str, coded: str
) -> None:
    filters = f"scale=out_color_matrix={scaled}:out_range={spread}:{PRECISE},format={coded}"
    clip = clip_of(BARS / 255, tmp_path / "c.mp4", filters, (*X264, "-colorspace", matrix, "-color_range", spread))

    assert farthest(shown(clip), BARS) < 4


@pytest.mark.parametrize(("height", "scaled"), [(64, "bt601"), (720, "bt709")])
def test_a_clip_that_names_no_matrix_is_shown_as_players_do(tmp_path: Path, height: int, scaled: str) -> None:
    scaling = f"scale=-2:{height}:out_color_matrix={scaled}:out_range=tv:{PRECISE}"
    filters = f"{scaling},format=yuv420p,setparams=colorspace=unknown"
    clip = clip_of(BARS / 255, tmp_path / "c.mp4", filters, (*X264, "-colorspace", "unknown"))

    assert farthest(shown(clip), BARS) < 4


def test_motion_jpeg_is_shown_in_its_full_range(tmp_path: Path) -> None:
    filters = f"scale=out_color_matrix=bt601:out_range=pc:{PRECISE},format=yuvj420p"
    clip = clip_of(BARS / 255, tmp_path / "c.avi", filters, ("-c:v", "mjpeg", "-q:v", "1"))

    assert farthest(shown(clip), BARS) < 5


def named(matrix: str, scaled: str, transfer: str, primaries: str) -> str:
    names = f"setparams=range=tv:colorspace={matrix}:color_trc={transfer}:color_primaries={primaries}"
    return f"scale=out_color_matrix={scaled}:out_range=tv:{PRECISE},format=yuv420p10,{names}"


@pytest.mark.parametrize(("transfer", "signal_of"), [("smpte2084", pq), ("arib-std-b67", hlg)])
@pytest.mark.parametrize("name", ["c.mp4", "c.mov", "c.mkv"])
def test_hdr_clips_are_brought_to_an_ordinary_screen(
    tmp_path: Path, name: str, transfer: str, signal_of: Signal
) -> None:
    """With diffuse white at 203 nits (BT.2408), what is no highlight looks as it does in SDR."""
    signal = signal_of(203 * light_of(BARS))
    clip = clip_of(signal, tmp_path / name, named("bt2020nc", "bt2020", transfer, "bt2020"), X265)

    colors = shown(clip)

    assert farthest(colors[:BRIGHT], BARS[:BRIGHT]) < 8
    assert 195 < colors[BRIGHT].min() <= colors[BRIGHT].max() < 240


def test_highlights_are_told_apart_and_keep_their_hue(tmp_path: Path) -> None:
    nits = np.array([(203.0,) * 3, (400.0,) * 3, (1000.0,) * 3, (4000.0,) * 3, (800.0, 400.0, 400.0)])
    clip = clip_of(pq(nits), tmp_path / "c.mp4", named("bt2020nc", "bt2020", "smpte2084", "bt2020"), X265)

    colors = shown(clip, len(nits))

    grays = colors[:4].mean(axis=1)
    assert grays[0] + 10 < grays[1] < grays[2] - 5
    assert np.abs(grays[2:] - 255).max() < 2
    assert np.ptp(colors[:4], axis=1).max() < 3
    assert colors[4, 0] > colors[4, 1] + 20


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("bt2020", BT2020_OF_BT709),
        ("smpte432", np.array([[0.8225, 0.1774, 0], [0.0332, 0.9669, 0], [0.0171, 0.0724, 0.9108]])),
    ],
)
def test_wide_primaries_are_brought_to_those_of_an_ordinary_screen(
    tmp_path: Path, name: str, matrix: np.ndarray
) -> None:
    signal = light_of(BARS, matrix) ** (1 / 2.4)
    clip = clip_of(signal, tmp_path / "c.mp4", named("bt709", "bt709", "bt709", name), X265)

    assert farthest(shown(clip), BARS) < 6
