"""A picture's perceptual hash: 64 bits that survive scaling and re-encoding, to find a copy handed in again."""

import cv2
import numpy as np

from heirloom.media.types import Image

SIDE = 32
FREQUENCIES = 8
BITS = FREQUENCIES * FREQUENCIES


def perceptual_hash(image: Image) -> int:
    """Return the DCT hash of a picture as a signed 64-bit number, so that a database's bigint holds it.

    The lowest 8 x 8 frequencies of the picture in gray at 32 x 32, each against their median (Zauner, "Implementation
    and Benchmarking of Perceptual Image Hash Functions", 2010).
    """
    gray = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[1 : FREQUENCIES + 1, 1 : FREQUENCIES + 1].ravel()
    bits = int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")
    return bits - (1 << BITS) if bits >> (BITS - 1) else bits


def distance(one: int, other: int) -> int:
    """Return in how many of the BITS two hashes differ."""
    return ((one ^ other) & ((1 << BITS) - 1)).bit_count()
