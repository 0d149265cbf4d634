"""Templates of made-up people whose scores have a known shape: directions of their own, with noise on each picture."""

import numpy as np

from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.groups import Grouping
from heirloom.evaluation.proposal import Source

SOURCE = Source("made", "made", "people made up for tests", 500, 1_000, "2026-01-01", "none")


def gallery(people: int, pictures: int, noise: float = 0.8, seed: int = 7, dimensions: int = 32) -> Gallery:
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(people, dtype=np.int64), pictures)
    vectors = rng.normal(size=(people, dimensions))[number] + noise * rng.normal(size=(people * pictures, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Gallery(vectors.astype(np.float32), number)


def alike(people: int, pictures: int, few: int) -> tuple[Gallery, Grouping]:
    """People of whom the first `few` share part of a direction: to this recogniser they look alike."""
    plain = gallery(people, pictures)
    vectors = plain.vectors.copy()
    vectors[plain.people < few, 0] += 0.35
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kinds = np.array(["alike" if number < few else "others" for number in range(people)])
    return Gallery(vectors, plain.people), Grouping({"kind": kinds}, "made up for tests")
