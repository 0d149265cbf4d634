"""How a network wants its pixels: the part of an input contract that turns pictures into numbers."""

from dataclasses import dataclass

import numpy as np

from heirloom.vision.detection import Pixels
from heirloom.vision.types import Floats

COLORS = ("rgb", "bgr")
LAYOUTS = ("nchw", "nhwc")

Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Feed:
    """(pixel - mean) / std, channel by channel in the order of `color`, pixels in 0..255.

    layout: "nchw" for planes, "nhwc" for channels last.
    """

    color: str = "rgb"
    layout: str = "nchw"
    mean: Channels = (127.5, 127.5, 127.5)
    std: Channels = (127.5, 127.5, 127.5)

    def __post_init__(self) -> None:
        if self.color not in COLORS or self.layout not in LAYOUTS:
            raise ValueError(f"color must be one of {COLORS} and layout one of {LAYOUTS}")
        if len(self.mean) != len(self.std) or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError("mean and std must hold three numbers each, std none but positive ones")

    def tensor(self, pictures: Pixels) -> Floats:
        """Return the numbers of (n, height, width, 3) uint8 RGB pictures, float32, in the network's layout."""
        ordered = pictures if self.color == "rgb" else pictures[..., ::-1]
        values = (ordered.astype(np.float32) - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if self.layout == "nchw" else values)

    def __str__(self) -> str:
        shift = f"(x - {_numbers(self.mean)}) / {_numbers(self.std)}"
        return f"{self.color.upper()}, {shift}, {self.layout.upper()}"


def _numbers(values: Channels) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else f"({', '.join(f'{value:g}' for value in values)})"
