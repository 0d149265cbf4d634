"""Packs of published ArcFace-style networks: what each file is, mirror images averaged, networks side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heirloom.media.types import Image
from heirloom.vision import catalog
from heirloom.vision.detection import Pixels
from heirloom.vision.features import Recogniser, unit_rows
from heirloom.vision.graph_files import converted_copy, rewritten, rows_freed
from heirloom.vision.graph_speed import quicker
from heirloom.vision.types import Face, Floats

SHOWN_OF_A_HASH = 8
UNKNOWN_HASH = "0" * SHOWN_OF_A_HASH


def _as_it_is(name: str, models_dir: Path) -> Path:
    return catalog.checked(name, models_dir)


def _opened(name: str, models_dir: Path) -> Path:
    return rewritten(name, models_dir, lambda model: quicker(rows_freed(model)))


@dataclass(frozen=True, slots=True)
class Network:
    """weights: of the catalog. graph: returns the copy of it that is run, written first where it is missing."""

    weights: str
    dimensions: int
    graph: Callable[[str, Path], Path]


MOBILEFACENET = Network("expo-mobilefacenet", 192, converted_copy)
FACEPLUGIN = Network("faceplugin-feature", 512, _opened)
AURAFACE = Network("auraface", 512, _as_it_is)


@dataclass(frozen=True, slots=True)
class Composition:
    """A pack of one network, or of several side by side, whose templates are means over a face and its mirror image."""

    name: str
    networks: tuple[Network, ...]

    @property
    def weights(self) -> tuple[str, ...]:
        return tuple(each.weights for each in self.networks)

    @property
    def dimensions(self) -> int:
        return sum(each.dimensions for each in self.networks)

    @property
    def licence(self) -> str:
        return "; ".join(dict.fromkeys(catalog.entry(name).licence for name in self.weights))

    def model(self, models_dir: Path) -> str:
        """Return the name of its templates, which tells the exact files: others make other templates."""
        hashes = (sorted(catalog.held_to(catalog.entry(name), models_dir)) for name in self.weights)
        return "-".join([self.name, *((known or [UNKNOWN_HASH])[0][:SHOWN_OF_A_HASH] for known in hashes), "avg2"])


COMPOSITIONS = (
    Composition("mobilefacenet-192", (MOBILEFACENET,)),
    Composition("faceplugin", (FACEPLUGIN,)),
    Composition("fused", (MOBILEFACENET, FACEPLUGIN)),
    Composition("auraface", (AURAFACE,)),
)


def composition(name: str) -> Composition | None:
    """Return the pack of this name, None where it is none of these."""
    return next((each for each in COMPOSITIONS if each.name == name), None)


class Mirrored:
    """One or several recognisers that see the same chips, each also mirrored.

    Their features, each of unit length, stand side by side and are weighted alike, so that the cosine of two templates
    is near the mean of the networks' own cosines: networks that were trained apart err apart.
    """

    norm_is_quality = False

    def __init__(self, parts: Sequence[Recogniser], model: str) -> None:
        self._parts, self.model = tuple(parts), model
        self.dimensions = sum(part.dimensions for part in parts)

    def load(self) -> None:
        for part in self._parts:
            part.load()

    def disagreement(self, image: Image, face: Face) -> float | None:
        return self._parts[0].disagreement(image, face)

    def chips(self, image: Image, face: Face) -> Pixels:
        chip = self._parts[0].chips(image, face)
        return np.concatenate([chip, chip[:, :, ::-1]])

    def vectors(self, chips: Pixels) -> Floats:
        columns = [unit_rows(part.vectors(chips)) for part in self._parts]
        return np.asarray(np.concatenate(columns, axis=1) / np.sqrt(len(columns)), np.float32)
