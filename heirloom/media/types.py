"""The values that leave this room."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Upright RGB pixels.

    pixels: (height, width, 3) uint8, RGB.
    scale: pixels here per pixel of the upright original (1.0 = full size, 0.5 = halved).
    at_s: seconds from the start of the clip; None for a still.
    """

    pixels: NDArray[np.uint8]
    scale: float = 1.0
    at_s: float | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be (height, width, 3) uint8, got {self.pixels.shape} {self.pixels.dtype}")

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class MediaType:
    """What the first bytes of a file say it is: kind is "image" or "video"."""

    kind: str
    mime: str
    extension: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a file says of the device and the programs that made it: claims anybody can write, each short and printable.

    make, model: of the camera; "" where the file names none. software: the programs named, each once.
    """

    make: str = ""
    model: str = ""
    software: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip says of itself, upright: sizes after rotation, times in seconds.

    width, height: of the upright picture in square pixels.
    rotation: degrees clockwise (0, 90, 180, 270) that bring the stored picture upright.
    mirrored: left and right of the stored picture are swapped before it is turned.
    container: the extension of its MediaType.
    keyframes_at_s: where a frame can be decoded alone, in order.
    stream: the number of its stream of pictures within the file.
    read_share: how much of the length it states was there to be read, 0 to 1.
    """

    duration_s: float
    width: int
    height: int
    rotation: int
    codec: str
    container: str
    frames_per_s: float
    keyframes_at_s: tuple[float, ...]
    stream: int = 0
    provenance: Provenance = Provenance()
    read_share: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Still:
    """A photo as it was read, and what the file itself held: its type, the upright original's size, its channels."""

    image: Image
    media_type: MediaType
    width: int
    height: int
    channels: int
    provenance: Provenance = Provenance()
