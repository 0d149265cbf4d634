import struct
import zlib

import PIL.Image
import pytest

from heirloom.errors import Refusal
from heirloom.media.image import read_image
from heirloom.media.limits import Allowance, Limits
from tests.media.conftest import Written


def refused(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(Refusal) as caught:
        read_image(data, limits or Limits())
    return caught.value.code


def png_of(width: int, height: int) -> bytes:
    """Return a whole and valid one-bit PNG of zeros: a few kilobytes, whatever its size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack("!IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "HEIF"])
def test_a_truncated_photo_is_refused(astronaut: PIL.Image.Image, written: Written, pillow_format: str) -> None:
    whole = written(astronaut, pillow_format)

    assert refused(whole[: len(whole) // 2]) == "invalid_image"


def test_an_empty_file_is_refused() -> None:
    assert refused(b"") == "empty_file"


@pytest.mark.parametrize(
    "data",
    [
        b"I am a text file, whatever my name says.\n",
        b"BM, or so this text begins, and goes on for a while to be long enough.",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html><html></html>",
        b"\x00\x00\x01\x00\x01\x00\x10\x10",
        b"%PDF-1.7\n",
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf",
        b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf",
        b"II*\x00\x10\x00\x00\x00CR\x02\x00",
        b"\xff\xd8",
    ],
    ids=["text", "text like bmp", "svg", "html", "ico", "pdf", "avif", "avif as mif1", "raw", "two bytes"],
)
def test_what_is_no_photo_is_refused_whatever_it_is_called(data: bytes) -> None:
    assert refused(data) == "unsupported_format"


def test_a_gif_is_refused(astronaut: PIL.Image.Image, written: Written) -> None:
    assert refused(written(astronaut, "GIF")) == "unsupported_format"


def test_a_clip_is_no_photo() -> None:
    assert refused(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41") == "unsupported_format"


def test_a_png_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = png_of(20_000, 20_000)

    assert len(bomb) < 100_000
    assert refused(bomb) == "too_many_pixels"


def test_a_webp_canvas_beyond_the_limit_is_refused_before_it_is_allocated(
    astronaut: PIL.Image.Image, written: Written
) -> None:
    lossy = bytearray(written(astronaut.resize((64, 64)), "WEBP"))
    lossy[26:30] = struct.pack("<HH", 16_383, 16_383)

    assert refused(bytes(lossy)) == "too_many_pixels"


def test_the_pixel_limit_itself_is_allowed(written: Written) -> None:
    photo = written(PIL.Image.new("L", (100, 50)), "PNG")

    assert read_image(photo, Limits(max_pixels=5_000)).width == 100
    assert refused(photo, Limits(max_pixels=4_999)) == "too_many_pixels"


def test_a_photo_of_too_many_bytes_is_refused(astronaut: PIL.Image.Image, written: Written) -> None:
    photo = written(astronaut)

    assert refused(photo, Limits(max_image_bytes=len(photo) - 1)) == "too_many_bytes"


def test_decoding_that_needs_too_much_memory_is_refused(written: Written) -> None:
    photo = written(PIL.Image.new("RGB", (6_000, 6_000)), "PNG")

    assert refused(photo, Limits(still=Allowance(cpu_s=10, wall_s=20, memory_mb=64))) == "too_much_memory"


def test_damage_in_the_middle_never_brings_more_than_a_refusal(astronaut: PIL.Image.Image, written: Written) -> None:
    """Each file is damaged at places that do not change from run to run."""
    for pillow_format in ("JPEG", "PNG", "TIFF", "WEBP", "HEIF", "BMP"):
        whole = written(astronaut.resize((128, 128)), pillow_format)
        for place in range(12, min(len(whole), 400), 29):
            damaged = bytearray(whole)
            damaged[place] ^= 0xFF
            try:
                read_image(bytes(damaged))
            except Refusal as refusal:
                assert refusal.code in {"invalid_image", "too_many_pixels", "too_much_memory", "unsupported_format"}  # noqa: PT017
