"""Any ArcFace-style recogniser from a file: `onnx:<name>` is described by `<models>/onnx/<name>.toml`.

A description holds: `file` (beside it), `sha256`, `dimensions`, `licence`, `commercial_use`, and where they differ from
the usual `side` (112), `color` ("rgb" or "bgr"), `mean` and `std` (of pixels in 0..255, one number per channel).
A file with external data names it in `data_file` and `data_sha256`.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision import catalog
from heirloom.vision.alignment import ARCFACE_SIDE, arcface_chip
from heirloom.vision.detection import Detector, Pixels
from heirloom.vision.packs.base import Pack
from heirloom.vision.runtime import Network, Runtime
from heirloom.vision.types import Face, Floats

PREFIX = "onnx:"
FOLDER = "onnx"

Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Description:
    """The input contract of one recogniser. mean, std: per channel in the order of `color`, of pixels in 0..255."""

    name: str
    file: Path
    sha256: str
    dimensions: int
    licence: str
    commercial_use: bool
    side: int = ARCFACE_SIDE
    color: str = "rgb"
    mean: Channels = (127.5, 127.5, 127.5)
    std: Channels = (127.5, 127.5, 127.5)
    data_file: Path | None = None
    data_sha256: str = ""

    @property
    def model(self) -> str:
        """The name of its templates: another file under the same name makes other templates."""
        return f"{PREFIX}{self.name}-{self.sha256[:8]}"

    @property
    def intact(self) -> bool:
        return _is(self.file, self.sha256) and (self.data_file is None or _is(self.data_file, self.data_sha256))


def descriptions(models_dir: Path) -> tuple[Description, ...]:
    """Return what is described in the models folder, whether or not its file is intact.

    Raises ValueError for a description that does not say what it must.
    """
    return tuple(read(path) for path in sorted((models_dir / FOLDER).glob("*.toml")))


def read(path: Path) -> Description:
    """Return one description; file names in it are beside it."""
    row = tomllib.loads(path.read_text())
    try:
        for key in ("file", "data_file"):
            if key in row:
                row[key] = path.parent / Path(row[key]).name
        for key in ("mean", "std"):
            if key in row:
                row[key] = tuple(float(value) for value in row[key])
        return Description(name=path.stem, **row)
    except TypeError as error:
        raise ValueError(f"{path.name}: {error}") from error


class OnnxRecogniser:
    """Runs the file on five-point aligned chips; in one batch where its first dimension is free, else one by one."""

    def __init__(self, runtime: Runtime, description: Description) -> None:
        self._runtime, self._description = runtime, description
        self.model = description.model
        self.dimensions = description.dimensions

    def load(self) -> None:
        self._network()

    def chips(self, image: Image, face: Face) -> Pixels:
        return arcface_chip(image.pixels, face.points5, self._description.side)[None]

    def vectors(self, chips: Pixels) -> Floats:
        spec, network = self._description, self._network()
        ordered = chips if spec.color == "rgb" else chips[..., ::-1]
        values = (ordered.astype(np.float32) - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
        planes = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        if not isinstance(network.input_shape[0], int):
            return network.run(planes)
        return np.concatenate([network.run(plane[None]) for plane in planes])

    def _network(self) -> Network:
        if not self._description.intact:
            raise Refusal("model_not_available", f"{self._description.file.name} is missing or has another sha256.")
        return self._runtime.network(self._description.file)


def onnx_pack(runtime: Runtime, description: Description, detector: Detector) -> Pack:
    return Pack(f"{PREFIX}{description.name}", detector, OnnxRecogniser(runtime, description))


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and catalog.file_sha256(path) == sha256
