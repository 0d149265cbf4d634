"""The two portraits that ordinary packages carry, and files made of them on the spot."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import matplotlib.cbook
import PIL.Image
import pytest
import skimage.data
from pillow_heif import register_heif_opener

register_heif_opener()

Written = Callable[..., bytes]


@pytest.fixture(scope="session")
def astronaut() -> PIL.Image.Image:
    return PIL.Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def officer() -> PIL.Image.Image:
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return PIL.Image.open(file).convert("RGB")


@pytest.fixture
def written() -> Written:
    def write(picture: PIL.Image.Image, pillow_format: str = "JPEG", **options: object) -> bytes:
        file = io.BytesIO()
        picture.save(file, format=pillow_format, **options)
        return file.getvalue()

    return write


@pytest.fixture(scope="session")
def assets() -> Path:
    folder = os.environ.get("HEIRLOOM_TEST_ASSETS")
    if not folder:
        pytest.skip("HEIRLOOM_TEST_ASSETS is not set")
    return Path(folder).resolve()
