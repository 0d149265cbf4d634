"""The faces that every machine has: public-domain portraits carried by packages."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import skimage.data
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


def packaged() -> dict[str, Portrait]:
    """Return the portraits of scikit-image ("astronaut") and of matplotlib's sample data ("hopper")."""
    hopper = Path(mpl.get_data_path(), "sample_data", "grace_hopper.jpg").read_bytes()
    astronaut = np.asarray(skimage.data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    buffer = BytesIO()
    PillowImage.fromarray(astronaut).save(buffer, "JPEG", quality=95)
    return {
        "astronaut": Portrait("astronaut", astronaut, buffer.getvalue()),
        "hopper": Portrait("hopper", np.asarray(PillowImage.open(BytesIO(hopper)).convert("RGB"), np.uint8), hopper),
    }
