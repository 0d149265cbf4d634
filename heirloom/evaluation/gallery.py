"""Labelled templates, the means that stand for enrollments and clips, and their scores."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heirloom.evaluation.histogram import ScoreHistogram

Floats = NDArray[np.float32]
ROWS = 512  # of a score block: 512 x 4,000 scores are 8 MB


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Templates of known people. vectors: (n, d) float32 of unit length. people: (n,) int, one number per person."""

    vectors: Floats
    people: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.dtype != np.float32 or self.people.shape != (len(self.vectors),):
            raise ValueError(
                f"vectors {self.vectors.shape} {self.vectors.dtype} and people {self.people.shape} do not fit"
            )
        if not np.allclose(np.linalg.norm(self.vectors, axis=1), 1.0, atol=1e-3):
            raise ValueError("vectors must be of unit length")

    def only(self, chosen: NDArray[np.bool_]) -> "Gallery":
        """Return the templates where `chosen` (n,) is true."""
        return Gallery(self.vectors[chosen], self.people[chosen])

    def rows_by_person(self) -> list[NDArray[np.int64]]:
        """Return, for each person, the rows of their templates."""
        order = np.argsort(self.people, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.people[order])) + 1) if len(order) else []


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Means of several templates of one person, of unit length. vectors: (n, d) float32. people: (n,)."""

    vectors: Floats
    people: NDArray[np.int64]

    def only(self, chosen: NDArray[np.bool_]) -> "Means":
        """Return those where `chosen` (n,) is true."""
        return Means(self.vectors[chosen], self.people[chosen])


def mean_of(vectors: Floats) -> Floats:
    """Return the mean of unit vectors, brought back to unit length. vectors: (..., k, d); the answer is (..., d)."""
    mean = vectors.mean(axis=-2)
    length = np.linalg.norm(mean, axis=-1, keepdims=True)
    return np.asarray(mean / np.maximum(length, 1e-12), dtype=np.float32)


def means_of(gallery: Gallery, size: int, draws: int, seed: int = 0) -> Means:
    """Return the means of sets of `size` templates of one person.

    Each draw deals every person's templates out into as many sets as they fill, so within a draw no template stands in
    two sets. Sets that come up twice count once.
    """
    if size == 1:
        return Means(gallery.vectors, gallery.people)
    rng = np.random.default_rng([seed, size])
    dealt = {
        one for _ in range(draws) for rows in gallery.rows_by_person() for one in _deal(rng.permutation(rows), size)
    }
    members = np.array(sorted(dealt), dtype=np.int64).reshape(-1, size)
    return Means(
        mean_of(gallery.vectors[members]), gallery.people[members[:, 0]] if len(members) else np.empty(0, np.int64)
    )


def non_mated(references: Means, probes: Means) -> ScoreHistogram:
    """Count the scores of every reference against every probe of another person."""
    histogram = ScoreHistogram()
    for start in range(0, len(references.vectors), ROWS):
        block = references.vectors[start : start + ROWS] @ probes.vectors.T
        strangers = references.people[start : start + ROWS, None] != probes.people[None, :]
        histogram.add(block[strangers])
    return histogram


def people_pairs(references: Means, probes: Means, *, symmetric: bool) -> int:
    """Return how many pairs of different people stand behind `non_mated`; unordered where both sides are the same
    means.
    """
    left, right = np.unique(references.people), np.unique(probes.people)
    pairs = len(left) * len(right) - len(np.intersect1d(left, right))
    return pairs // 2 if symmetric else pairs


def mated(gallery: Gallery, references: int, probes: int, draws: int, seed: int = 0) -> tuple[NDArray[np.float64], int]:
    """Return mated scores, and how many comparisons one draw holds.

    Each draw deals every person's templates into as many sets of references + probes as they fill; the first ones of a
    set are the references. Within a draw no template is used twice, so its comparisons are independent but for the
    person.
    """
    rng = np.random.default_rng([seed, references, probes])
    scores: list[float] = []
    sets = 0
    for draw in range(draws):
        members = [
            s
            for rows in gallery.rows_by_person()
            for s in _deal(rng.permutation(rows), references + probes, keep_order=True)
        ]
        sets = len(members) if draw == 0 else sets
        if not members:
            break
        vectors = gallery.vectors[np.array(members)]
        scores.extend(
            np.einsum("nd,nd->n", mean_of(vectors[:, :references]), mean_of(vectors[:, references:])).tolist()
        )
    return np.asarray(scores, dtype=np.float64), sets


def _deal(rows: NDArray[np.int64], size: int, *, keep_order: bool = False) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(rows) - size + 1, size):
        one = [int(row) for row in rows[start : start + size]]
        yield tuple(one if keep_order else sorted(one))
