"""Photos in, safe pixels out; and pixels out to a JPEG that says nothing but its picture."""

import io

import numpy as np
import PIL.Image

from heirloom.errors import Refusal
from heirloom.media import provenance, sandbox
from heirloom.media.limits import DEFAULT_LIMITS, Limits
from heirloom.media.sniff import sniff
from heirloom.media.types import Image, Still


def read_image(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Image:
    """Return a photo's pixels: upright, RGB, white where it was transparent, long side at most limits.max_still_side.

    Raises Refusal as `read_still` does.
    """
    return read_still(data, limits).image


def read_still(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Still:
    """Return a photo's pixels as `read_image` does, with its type and the size of the upright original.

    The photo is decoded in a limited child process. JPG, PNG, BMP, TIFF, WEBP and HEIC are taken; of several pictures
    in a file, the first.
    Raises Refusal empty_file, too_many_bytes, unsupported_format, invalid_image, too_many_pixels, too_much_memory,
    too_much_cpu_time or too_much_time.
    """
    limits.check_image_bytes(len(data))
    media_type = sniff(data)
    if media_type.kind != "image":
        raise Refusal("unsupported_format", "A photo is needed here.")
    answer = sandbox.call(
        "still", {"mime": media_type.mime}, limits=limits, allowance=limits.still, broken="invalid_image", payload=data
    )
    with sandbox.held_to_form("invalid_image"):
        facts = answer.facts
        shape = (int(facts["height"]), int(facts["width"]), 3)
        pixels = np.frombuffer(answer.payload, dtype=np.uint8).reshape(shape)
        width, height = int(facts["original_width"]), int(facts["original_height"])
        limits.check_pixels(width, height)
        image = Image(pixels, scale=max(shape[:2]) / max(width, height))
        return Still(image, media_type, width, height, int(facts["channels"]), provenance.held(facts["provenance"]))


def encode_jpeg(image: Image, quality: int = 90) -> bytes:
    """Return the pixels as a JPEG that carries no metadata. quality: 1 to 95, as in Pillow."""
    written = io.BytesIO()
    PIL.Image.fromarray(image.pixels).save(written, format="JPEG", quality=quality)
    return written.getvalue()
