import io
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from PIL.Image import Transpose

from heirloom.errors import Refusal
from heirloom.media.image import encode_jpeg, read_image, read_still
from tests.media.conftest import Written

ORIENTATION_TAG = 0x0112
STORED_FROM_UPRIGHT = {
    1: None,
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


def quarters(width: int = 320, height: int = 200) -> PIL.Image.Image:
    """Return a picture whose corners differ, so that every turn and flip shows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (220, 30, 30)
    pixels[: height // 2, width // 2 :] = (30, 220, 30)
    pixels[height // 2 :, : width // 2] = (30, 30, 220)
    pixels[height // 2 :, width // 2 :] = (230, 230, 230)
    return PIL.Image.fromarray(pixels)


def difference(pixels: np.ndarray, picture: PIL.Image.Image) -> float:
    return float(np.abs(pixels.astype(int) - np.asarray(picture, dtype=int)).mean())


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "HEIF"])
def test_a_photo_of_every_promised_format_is_read(
    astronaut: PIL.Image.Image, written: Written, pillow_format: str
) -> None:
    still = read_still(written(astronaut, pillow_format))

    assert (still.width, still.height, still.channels) == (512, 512, 3)
    assert still.image.scale == 1.0
    assert still.image.at_s is None
    assert difference(still.image.pixels, astronaut) < 8


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED_FROM_UPRIGHT)
def test_a_photo_comes_out_upright_whatever_its_orientation_tag(
    written: Written, pillow_format: str, orientation: int
) -> None:
    turn = STORED_FROM_UPRIGHT[orientation]
    stored = quarters() if turn is None else quarters().transpose(turn)
    exif = PIL.Image.Exif()
    exif[ORIENTATION_TAG] = orientation

    still = read_still(written(stored, pillow_format, exif=exif))

    assert (still.width, still.height) == (320, 200)
    assert difference(still.image.pixels, quarters()) < 8


def test_a_heic_photo_taken_sideways_comes_out_upright(written: Written) -> None:
    exif = PIL.Image.Exif()
    exif[ORIENTATION_TAG] = 6

    still = read_still(written(quarters().transpose(Transpose.ROTATE_90), "HEIF", exif=exif.tobytes()))

    assert (still.width, still.height) == (320, 200)
    assert difference(still.image.pixels, quarters()) < 8


@pytest.mark.parametrize(
    ("size", "read_size"), [((4000, 3000), (2000, 1500)), ((3000, 4500), (1365, 2048)), ((2048, 100), (2048, 100))]
)
def test_a_large_photo_is_read_at_a_bounded_size_and_says_its_scale(
    astronaut: PIL.Image.Image, written: Written, size: tuple[int, int], read_size: tuple[int, int]
) -> None:
    still = read_still(written(astronaut.resize(size)))

    assert (still.image.width, still.image.height) == read_size
    assert (still.width, still.height) == size
    assert still.image.scale == pytest.approx(max(read_size) / max(size))
    assert difference(still.image.pixels, astronaut.resize(read_size)) < 5


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGBA", "LA", "PA", "I;16", "I", "F"])
def test_every_way_to_store_colors_becomes_rgb(astronaut: PIL.Image.Image, written: Written, mode: str) -> None:
    gray = np.asarray(astronaut.convert("L"))
    deep = {"I;16": gray.astype(np.uint16) * 257, "I": gray.astype(np.int32) * 257, "F": gray.astype(np.float32) / 255}
    stored = PIL.Image.fromarray(deep[mode]) if mode in deep else astronaut.convert(mode)
    assert stored.mode == mode

    image = read_image(written(stored, "PNG" if mode in {"1", "P", "RGBA", "LA", "I;16"} else "TIFF"))

    few_colors = mode in {"1", "P", "PA"}
    expected = stored if few_colors else astronaut if mode in {"CMYK", "RGBA"} else astronaut.convert("L")
    assert difference(image.pixels, expected.convert("RGB")) < 3


def test_what_is_transparent_becomes_white(written: Written) -> None:
    image = read_image(written(PIL.Image.new("RGBA", (40, 30), (255, 0, 0, 0)), "PNG"))

    assert (image.pixels == 255).all()


def test_a_palette_with_a_transparent_color_becomes_white_there(written: Written) -> None:
    image = read_image(written(PIL.Image.new("P", (40, 30), 0), "PNG", transparency=0))

    assert (image.pixels == 255).all()


def test_a_cmyk_jpeg_keeps_its_colors(astronaut: PIL.Image.Image, written: Written) -> None:
    assert difference(read_image(written(astronaut.convert("CMYK"))).pixels, astronaut) < 8


def test_a_jpeg_of_ours_carries_no_metadata(astronaut: PIL.Image.Image, written: Written) -> None:
    exif = PIL.Image.Exif()
    exif[0x010F] = "a camera"
    image = read_image(written(astronaut, exif=exif))

    with PIL.Image.open(io.BytesIO(encode_jpeg(image, quality=80))) as read_back:
        assert read_back.format == "JPEG"
        assert not read_back.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp"} & read_back.info.keys()


def test_the_shared_photos_are_read_or_refused_by_code(assets: Path) -> None:
    def outcome(name: str) -> str:
        try:
            image = read_image((assets / "data" / "bad_images" / name).read_bytes())
        except Refusal as refusal:
            return refusal.code
        return f"{image.width}x{image.height}"

    assert {name: outcome(name) for name in ("einstein.bmp", "einstein.tiff", "einstein.webp")} == dict.fromkeys(
        ("einstein.bmp", "einstein.tiff", "einstein.webp"), "256x256"
    )
    assert outcome("einstein.gif") == outcome("einstein.ico") == outcome("empty.png") == "unsupported_format"
    assert outcome("corrupted.png") == outcome("truncated.jpg") == "invalid_image"


def test_of_several_pictures_in_a_jpeg_the_first_is_read(astronaut: PIL.Image.Image, written: Written) -> None:
    """As phones write them, with a depth map or a gain map behind the photo."""
    behind = PIL.Image.new("RGB", astronaut.size)
    photo = written(astronaut.resize((4000, 4000)), "MPO", save_all=True, append_images=[behind])

    still = read_still(photo)

    assert (still.width, still.image.width) == (4000, 2000)
    assert difference(still.image.pixels, astronaut.resize((2000, 2000))) < 5


def display_p3() -> bytes:
    """Return the profile that phones put into their photos, with matrix and curve alone (ICC.1:2010)."""
    # Each colorant is of D50, as profiles are; the curve is a gamma of 2.2.
    colorants = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    tags = {
        name: b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in xyz))
        for name, xyz in colorants.items()
    }
    tags[b"wtpt"] = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(2.2 * 256)))
    tags[b"desc"] = b"desc" + bytes(4) + struct.pack(">I", 3) + b"P3\0" + bytes(80)
    body, table, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">2I", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = at + len(body)
    head = struct.pack(">I4xI4s4s4s", size, 0x02400000, b"mntr", b"RGB ", b"XYZ ").ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_a_photo_in_a_wide_color_space_is_shown_in_srgb(written: Written, pillow_format: str) -> None:
    skin = PIL.Image.new("RGB", (64, 64), (210, 150, 120))

    pixels = read_image(written(skin, pillow_format, icc_profile=display_p3(), quality=95)).pixels

    red, green, blue = pixels.reshape(-1, 3).mean(axis=0)
    assert red > 216
    assert green < 150
    assert blue < 117


def test_a_profile_that_is_none_is_left_aside(astronaut: PIL.Image.Image, written: Written) -> None:
    assert difference(read_image(written(astronaut, "PNG", icc_profile=b"nonsense" * 40)).pixels, astronaut) == 0


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpegs_of_every_scan_order_are_read(
    astronaut: PIL.Image.Image, written: Written, mode: str, progressive: bool
) -> None:
    photo = astronaut.convert(mode)

    assert difference(read_image(written(photo, progressive=progressive)).pixels, photo.convert("RGB")) < 4


def test_a_png_of_sixteen_bits_a_color_is_read() -> None:
    """As scanners write it; Pillow writes none, so it is put together here (RFC 2083)."""
    pixels = np.zeros((20, 30, 3), ">u2")
    pixels[:] = (51_400, 25_700, 12_850)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">2I5B", 30, 20, 16, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

    assert np.abs(read_image(png).pixels.astype(int) - (200, 100, 50)).max() <= 1


@pytest.mark.parametrize("pillow_format", ["TIFF", "WEBP"])
def test_of_several_pages_or_frames_the_first_is_read(
    astronaut: PIL.Image.Image, written: Written, pillow_format: str
) -> None:
    behind = PIL.Image.new("RGB", astronaut.size, "red")

    several = written(astronaut, pillow_format, save_all=True, append_images=[behind, behind])

    assert difference(read_image(several).pixels, astronaut) < 8
