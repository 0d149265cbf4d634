"""Decode one photo. Runs in the limited child process only; `image.read_still` is the door."""

import codecs
import errno
import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import PIL.Image
import pillow_heif
from PIL import (
    BmpImagePlugin,
    ImageChops,  # noqa: F401  # this and the next six are imported late by Pillow, and the child may open no files
    ImageCms,
    ImageColor,  # noqa: F401
    ImageFilter,  # noqa: F401
    ImageOps,  # noqa: F401
    ImagePalette,  # noqa: F401
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.Image import Resampling, Transpose

from heirloom.errors import Refusal
from heirloom.media import provenance
from heirloom.media.limits import Limits
from heirloom.media.types import Provenance

pillow_heif.register_heif_opener(thumbnails=False)
pillow_heif.options.DECODE_THREADS = 1
PIL.Image.MAX_IMAGE_PIXELS = None  # Pillow only warns; Limits.check_pixels refuses
PIL.Image._initialized = 2  # every plugin that may be used is imported above, and the child may open no files

for _codec in ("ascii", "latin-1", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
    codecs.lookup(_codec)  # loaded late too, when a text in the file asks for it

PILLOW_FORMATS = {
    "image/jpeg": JpegImagePlugin.JpegImageFile.format,
    "image/png": PngImagePlugin.PngImageFile.format,
    "image/bmp": BmpImagePlugin.BmpImageFile.format,
    "image/tiff": TiffImagePlugin.TiffImageFile.format,
    "image/webp": WebPImagePlugin.WebPImageFile.format,
    "image/heic": "HEIF",
}
# What Pillow and its plugins raise on damaged files; anything else is a fault of ours and is reported as one.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)
DRAFT_KEEPS = 0.75
"""A JPEG may be read at half, a quarter or an eighth of its size if that leaves this share of the side asked for."""
ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
SIDEWAYS = {5, 6, 7, 8}
SRGB = ImageCms.createProfile("sRGB")
PROFILED = {"RGB": "RGB ", "CMYK": "CMYK"}
"""The modes whose colors a profile is followed for, and how the profile calls them (ICC.1, 7.2.8)."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Upright RGB bytes of width x height, and the upright original's width, height and channels."""

    rgb: bytes
    width: int
    height: int
    original_width: int
    original_height: int
    channels: int
    provenance: Provenance


def decode(data: bytes, mime: str, limits: Limits) -> Decoded:
    """Return the photo upright, in RGB, with its long side at most limits.max_still_side.

    Raises Refusal invalid_image, too_many_pixels or too_much_memory.
    """
    try:
        return _decode(data, PILLOW_FORMATS[mime], limits)
    except MemoryError as error:
        raise Refusal("too_much_memory") from error
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno == errno.EMFILE:
            raise  # a late import, of which the list above should know
        raise Refusal("invalid_image") from error


def _decode(data: bytes, pillow_format: str | None, limits: Limits) -> Decoded:
    if pillow_format == WebPImagePlugin.WebPImageFile.format:
        limits.check_pixels(*_webp_size(data))  # Pillow allocates the whole canvas on opening
    with PIL.Image.open(io.BytesIO(data), formats=[str(pillow_format)]) as opened:
        size = opened.size
        limits.check_pixels(*size)
        channels = len(opened.getbands())
        drafted = _draft(opened, limits.max_still_side)
        opened.load()
        width, height = size if drafted else opened.size
        orientation = _orientation(opened)  # after load, which turns TIFF and HEIC; PNG may name it behind the pixels
        maker = provenance.of_photo(opened)
        shrunk = _in_srgb(_shrunk(opened, limits.max_still_side), opened.info.get("icc_profile"))
        upright = _upright(_rgb(shrunk), orientation)
    if orientation in SIDEWAYS:
        width, height = height, width
    return Decoded(upright.tobytes(), upright.width, upright.height, width, height, channels, maker)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the canvas size (RFC 9649, sections 2.5 to 2.7)."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _orientation(opened: PIL.Image.Image) -> int:
    value = opened.getexif().get(ORIENTATION_TAG, 1)
    return value if isinstance(value, int) and value in UPRIGHT else 1


def _draft(opened: PIL.Image.Image, most: int) -> bool:
    long_side = max(opened.size)
    if not isinstance(opened, JpegImagePlugin.JpegImageFile) or long_side <= most:
        return False
    denominator = max(d for d in (1, 2, 4, 8) if long_side / d >= most * DRAFT_KEEPS)
    opened.draft(None, (opened.width // denominator, opened.height // denominator))
    return True


def _shrunk(opened: PIL.Image.Image, most: int) -> PIL.Image.Image:
    share = most / max(opened.size)
    if share >= 1:
        return opened
    source = opened if opened.mode in {"L", "RGB", "RGBA", "CMYK"} else _rgb(opened)
    size = (max(1, round(opened.width * share)), max(1, round(opened.height * share)))
    return source.resize(size, Resampling.BILINEAR, reducing_gap=2.0)


def _in_srgb(picture: PIL.Image.Image, profile: bytes | None) -> PIL.Image.Image:
    """Return a photo that names another color space, as phones do, in sRGB; a profile nobody can read is no harm."""
    if not profile or picture.mode not in PROFILED:
        return picture
    try:
        named = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if named.profile.xcolor_space != PROFILED[picture.mode] or "sRGB" in (named.profile.profile_description or ""):
            return picture
        return ImageCms.profileToProfile(picture, named, SRGB, outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError):
        return picture


def _upright(picture: PIL.Image.Image, orientation: int) -> PIL.Image.Image:
    return picture.transpose(UPRIGHT[orientation]) if orientation != 1 else picture


def _rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return _deep_gray(picture)
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", picture.size, "white")
        return PIL.Image.alpha_composite(white, layered).convert("RGB")
    return picture.convert("RGB")


def _deep_gray(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Bring gray of more bits to 8: by the bit depth where it is known, else by the brightest value."""
    values = np.nan_to_num(np.asarray(picture, dtype=np.float32))
    brightest = float(values.max(initial=0.0))
    if picture.mode.startswith("I;16") or (picture.mode == "I" and 255 < brightest < 2**16):
        full = float(2**16 - 1)
    else:
        full = next((full for full in (1.0, 255.0) if brightest <= full), brightest)
    gray = np.clip(values * (255.0 / full), 0, 255).astype(np.uint8)
    return PIL.Image.fromarray(gray).convert("RGB")
