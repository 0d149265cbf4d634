"""What every recogniser promises, and how chips become templates."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from heirloom.media.types import Image
from heirloom.vision.detection import Pixels
from heirloom.vision.types import Face, Floats, Template

BATCH = 64
"""Chips in one run of a network: enough to fill a GPU, few enough to bound memory."""


class Recogniser(Protocol):
    """Turns a face into numbers. `model` names what made them; templates of different models are never compared."""

    @property
    def model(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def norm_is_quality(self) -> bool:
        """Whether the length of its features tells how good the picture is."""
        ...

    def load(self) -> None:
        """Bring the weights into memory now, instead of at the first picture."""
        ...

    def disagreement(self, image: Image, face: Face) -> float | None:
        """Return how far its own landmarks put an eye from the face's points, in eye distances.

        None where it aligns by those very points: nothing is said then.
        """
        ...

    def chips(self, image: Image, face: Face) -> Pixels:
        """Return (variants, side, side, 3) uint8 RGB: the aligned face, once for each variant that is averaged."""
        ...

    def vectors(self, chips: Pixels) -> Floats:
        """Return (n, dimensions) float32, one row for each chip, not necessarily of unit length."""
        ...


def templates(recogniser: Recogniser, faces: Sequence[tuple[Image, Face]]) -> list[Template]:
    """Return one template for each face, in order; the chips of all faces share batches.

    Raises ValueError for a face that is not proved to stand upright in its picture: turned faces are all alike.
    """
    if any(face.turn != 0 for _, face in faces):
        raise ValueError("templates are made of faces proved upright only")
    if not faces:
        return []
    variants = [recogniser.chips(image, face) for image, face in faces]
    chips = np.concatenate(variants)
    batches = [recogniser.vectors(chips[start : start + BATCH]) for start in range(0, len(chips), BATCH)]
    ends = np.cumsum([len(group) for group in variants])[:-1]
    return [_template(recogniser, group) for group in np.split(np.concatenate(batches), ends)]


def _template(recogniser: Recogniser, variants: Floats) -> Template:
    """The mean of one face's variants, (n, d), each of unit length first."""
    mean = np.asarray(unit_rows(variants).astype(np.float64).mean(axis=0))
    norm = float(np.linalg.norm(variants, axis=1).mean()) if recogniser.norm_is_quality else None
    agreement = float(np.linalg.norm(mean)) if len(variants) > 1 else None
    return Template(recogniser.model, unit(mean.astype(np.float32)), norm, agreement)


def unit(vector: Floats) -> Floats:
    """Return the vector scaled to unit length."""
    return np.asarray(unit_rows(vector[None])[0], np.float32)


def unit_rows(vectors: Floats) -> Floats:
    """Return (n, d) float32 with every row scaled to unit length."""
    exact = vectors.astype(np.float64)
    return np.asarray(exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12), np.float32)
