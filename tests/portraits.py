"""The faces that every machine has: public-domain portraits carried by packages."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """pixels: (height, width, 3) uint8 RGB. jpeg: the same picture as a file."""

    name: str
    pixels: NDArray[np.uint8]
    jpeg: bytes

    def pillow(self) -> PillowImage.Image:
        return PillowImage.open(BytesIO(self.jpeg)).convert("RGB")
