"""Colors and depths that few files have: read as pictures, or refused."""

import struct
from collections.abc import Iterator

import numpy as np
import PIL.Image

from tests.media.hostile.bases import H264, coded, picture, written
from tests.media.hostile.films import Movie
from tests.media.hostile.made import ACCEPTED, Bait, Hostile, all_meet
from tests.media.hostile.parts import PNG_START, chunk, gray_tiff, swapped

X264 = H264[:-2]
REAL = np.linspace(-1, 1, 64 * 64, dtype=np.float32).reshape(64, 64)


def of_photos(_bait: Bait) -> Iterator[Hostile]:
    """Inks, palettes, depths, numbers that are none."""
    image = picture()
    yield from all_meet(
        ACCEPTED,
        {
            "cmyk.jpg": written(image.convert("CMYK"), "JPEG"),
            "gray.jpg": written(image.convert("L"), "JPEG"),
            "bits.png": written(image.convert("1"), "PNG"),
            "palette.png": written(image.convert("P"), "PNG", transparency=3),
            "clear.png": written(image.convert("LA"), "PNG"),
            "deep.png": written(image.convert("I;16"), "PNG"),
            "bits.tiff": written(image.convert("1"), "TIFF", compression="group4"),
            "cmyk.tiff": written(image.convert("CMYK"), "TIFF"),
            "lab.tiff": written(_lab(image), "TIFF"),
            "ycc.tiff": written(image.convert("YCbCr"), "TIFF", compression="jpeg"),
            "real.tiff": written(PIL.Image.fromarray(REAL), "TIFF"),
            "no_number.tiff": written(PIL.Image.fromarray(np.full((64, 64), np.nan, np.float32)), "TIFF"),
            "no_end.tiff": written(PIL.Image.fromarray(np.full((64, 64), np.inf, np.float32)), "TIFF"),
            "clear.webp": written(image.convert("RGBA"), "WEBP", lossless=True),
        },
    )
    odd = chunk(b"IHDR", struct.pack("!IIBBBBB", 16, 16, 8, 3, 0, 0, 0)) + chunk(b"IDAT", b"x\x9cc\0\0\0\1\0\1")
    yield Hostile("no_palette.png", PNG_START + odd + chunk(b"IEND", b""), ("invalid_image",))
    pixels = swapped(
        gray_tiff(64, 64, data=bytes(4096)), struct.pack("<HHII", 258, 4, 1, 8), struct.pack("<HHII", 258, 4, 1, 63)
    )
    yield Hostile("depth.tiff", pixels, ("invalid_image",))


def of_clips(_bait: Bait) -> Iterator[Hostile]:
    """Chroma, depth and color tags of clips."""
    for name in ("yuv444p", "yuv422p", "gray", "yuv420p10le", "yuv444p10le"):
        yield Hostile(f"{name}.mp4", coded("a.mp4", *X264, "-pix_fmt", name), (ACCEPTED,))
    yield Hostile(
        "rgb.mkv", coded("a.mkv", "-c:v", "libx264rgb", "-preset", "ultrafast", "-pix_fmt", "rgb24"), (ACCEPTED,)
    )
    tags = "h264_metadata=colour_primaries=3:transfer_characteristics=3:matrix_coefficients=3:video_full_range_flag=1"
    yield Hostile("reserved.mp4", coded("a.mp4", *H264, "-bsf:v", tags), (ACCEPTED,))
    inks = written(picture().convert("CMYK"), "JPEG")
    yield Hostile("cmyk.mov", bytes(Movie(samples=(inks,) * 20)), (ACCEPTED, "invalid_video"))
    gray = written(picture().convert("L"), "JPEG")
    mixed = (written(picture(), "JPEG"), gray, inks, written(picture(320, 240), "JPEG"))
    yield Hostile("mixed.mov", bytes(Movie(samples=mixed * 5)), (ACCEPTED, "clip_incomplete"))


def _lab(image: PIL.Image.Image) -> PIL.Image.Image:
    return PIL.Image.frombytes("LAB", image.size, image.tobytes())
