"""How several pictures of a person become one comparison."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.studies.trial import Compare, Rows, Scores
from heirloom.vision.features import unit_rows
from heirloom.vision.types import Floats

Weights = NDArray[np.float64]
MEDIAN_STEPS = 8


def mean(vectors: Floats) -> Compare:
    """The product's own way: the mean of unit vectors, brought back to unit length."""
    return _of_one_vector(lambda rows: vectors[rows].mean(axis=1))


def weighted(vectors: Floats, weights: Weights) -> Compare:
    """The mean in which better pictures count more. weights: (n,), one a picture, not negative."""

    def combined(rows: Rows) -> Floats:
        share = weights[rows] + 1e-9
        return np.asarray(np.einsum("ak,akd->ad", share / share.sum(axis=1, keepdims=True), vectors[rows]), np.float32)

    return _of_one_vector(combined)


def best_only(vectors: Floats, weights: Weights) -> Compare:
    """The best picture alone."""
    return _of_one_vector(lambda rows: vectors[rows[np.arange(len(rows)), weights[rows].argmax(axis=1)]])


def trimmed(vectors: Floats) -> Compare:
    """The mean without the picture that is least like the others, where there are at least three."""

    def combined(rows: Rows) -> Floats:
        some = vectors[rows]
        if some.shape[1] < 3:
            return np.asarray(some.mean(axis=1))
        others = some.sum(axis=1, keepdims=True) - some
        likeness = np.einsum("akd,akd->ak", some, others / np.linalg.norm(others, axis=2, keepdims=True))
        kept = np.ones(rows.shape, np.float32)
        kept[np.arange(len(rows)), likeness.argmin(axis=1)] = 0
        return np.asarray(np.einsum("ak,akd->ad", kept, some), np.float32)

    return _of_one_vector(combined)


def median(vectors: Floats) -> Compare:
    """The geometric median (Weiszfeld, 1937): the point with the least sum of distances to the pictures."""

    def combined(rows: Rows) -> Floats:
        some = vectors[rows].astype(np.float64)
        middle = some.mean(axis=1, keepdims=True)
        for _ in range(MEDIAN_STEPS):
            near = 1 / np.maximum(np.linalg.norm(some - middle, axis=2, keepdims=True), 1e-6)
            middle = (some * near).sum(axis=1, keepdims=True) / near.sum(axis=1, keepdims=True)
        return np.asarray(middle[:, 0], np.float32)

    return _of_one_vector(combined)


def best_pair(vectors: Floats) -> Compare:
    """The highest score of any picture against any: what takes the smallest distance over all pairs."""
    return _of_pairs(vectors, lambda table: table.max(axis=(1, 3)))


def mean_of_pairs(vectors: Floats) -> Compare:
    """The mean of the scores of every picture against every other."""
    return _of_pairs(vectors, lambda table: table.mean(axis=(1, 3)))


def _of_one_vector(combined: Callable[[Rows], Floats]) -> Compare:
    return lambda left, right: unit_rows(combined(left)) @ unit_rows(combined(right)).T


def _of_pairs(vectors: Floats, reduced: Callable[[Scores], Scores]) -> Compare:
    def compare(left: Rows, right: Rows) -> Scores:
        table = vectors[left.ravel()] @ vectors[right.ravel()].T
        return reduced(table.reshape(left.shape[0], left.shape[1], right.shape[0], right.shape[1]))

    return compare
