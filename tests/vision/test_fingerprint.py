"""A perceptual hash survives scaling, light and re-encoding, and tells other pictures apart."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageEnhance

from heirloom.decision.reuse import MOST_BITS
from heirloom.media.types import Image
from heirloom.vision.fingerprint import distance, perceptual_hash
from tests.pictures import retaken
from tests.portraits import Portrait
from tests.vision.conftest import opened


def re_encoded(picture: PillowImage.Image, quality: int) -> Image:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return opened(buffer.getvalue())


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_a_copy_keeps_its_hash(portraits: dict[str, Portrait], name: str) -> None:
    picture = portraits[name].pillow()
    first = perceptual_hash(Image(np.asarray(picture)))
    copies = (
        re_encoded(picture, 40),
        re_encoded(picture.resize((picture.width // 2, picture.height // 2)), 80),
        re_encoded(ImageEnhance.Brightness(picture).enhance(1.05), 85),
    )
    assert all(distance(first, perceptual_hash(copy)) <= MOST_BITS for copy in copies)


def test_another_take_and_another_person_are_further_off(portraits: dict[str, Portrait]) -> None:
    astronaut, hopper = (perceptual_hash(Image(portraits[name].pixels)) for name in ("astronaut", "hopper"))
    assert distance(astronaut, hopper) > 4 * MOST_BITS
    assert distance(astronaut, perceptual_hash(opened(retaken(portraits["astronaut"])))) > MOST_BITS


def test_a_hash_fits_a_bigint_of_the_database() -> None:
    rng = np.random.default_rng(3)
    hashes = [perceptual_hash(Image(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8))) for _ in range(20)]
    assert all(-(2**63) <= one < 2**63 for one in hashes)
    assert any(one < 0 for one in hashes)
    assert distance(-1, 0) == 64
