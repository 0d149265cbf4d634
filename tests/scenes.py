"""Clips as frames, staged with the two packaged portraits: who stands where, how near, in which frame."""

from collections.abc import Sequence

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageEnhance

from heirloom.media.types import Image
from tests.portraits import Portrait

HEADS = {"astronaut": (110, 0, 340, 280), "hopper": (120, 70, 440, 450)}
"""Where the head is in each portrait: left, top, right, bottom."""

Standing = tuple[Portrait, int, int]
"""Who, the middle of the head in pixels from the left, and its height in pixels."""


def frame(*people: Standing, at_s: float, light: float = 1.0) -> Image:
    """Return 960 x 540 pixels with these people in it."""
    picture = PillowImage.new("RGB", (960, 540), (120, 124, 128))
    for portrait, middle, height in people:
        head = portrait.pillow().crop(HEADS[portrait.name])
        head = head.resize((round(head.width * height / head.height), height), PillowImage.Resampling.LANCZOS)
        picture.paste(ImageEnhance.Brightness(head).enhance(light), (middle - head.width // 2, 270 - height // 2))
    return Image(np.asarray(picture, np.uint8), at_s=at_s)


def filmed(*frames: Sequence[Standing], step_s: float = 0.5) -> list[Image]:
    """Return the frames of a clip: the light changes a little from one to the next."""
    return [
        frame(*people, at_s=number * step_s, light=0.95 + 0.03 * (number % 4)) for number, people in enumerate(frames)
    ]
