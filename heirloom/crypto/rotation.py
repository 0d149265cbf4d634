"""Protection of search vectors: what all of a model's share is taken away, then a keyed orthogonal transform.

The transform keeps every cosine, so that the database can search, and it makes a stolen index of no use with other
systems' vectors; a new key revokes the old index. It is obfuscation and revocability, not encryption: whoever knows as
many pairs of plain and protected vectors as the model has dimensions recovers the transform by linear algebra.

A center, where one is given, is subtracted before. Vectors that lie in a narrow cone are spread by it over all
directions, and an index tells them apart. Cosines then are those around the center, no longer the recogniser's own.

Its secret is sealed like a subject's data, so a new key in the ring leaves the vectors valid.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from numpy.typing import ArrayLike, NDArray

from heirloom.crypto.services import data_key

# The subject under which the secret of the transform is kept; no row of the product has this id.
SEARCH_SUBJECT = UUID(int=1)
Vector = NDArray[np.float64]
_SUM_OF = 4
_NOTHING = 1e-6
"""Shorter than this, what is left of a unit vector is the noise of float32, and no direction."""


@dataclass(frozen=True, slots=True, eq=False)
class Rotation:
    """The transform of one model; `fingerprint` (16 hex digits) names model, secret and center beside each vector."""

    model: str
    fingerprint: str
    secret: bytes = field(repr=False)
    center: Vector | None = field(default=None, repr=False)

    def protect(self, vector: ArrayLike) -> NDArray[np.float32]:
        """Return the rotated unit vector of shape (d,), computed in float64; without a center cosines stay within 1e-6.

        Raises ValueError for anything but one finite vector that is not zero, and is as long as the center.
        """
        plain = np.asarray(vector, dtype=np.float64)
        if plain.ndim != 1 or not np.isfinite(plain).all() or not plain.any():
            raise ValueError(f"not one finite vector other than zero: shape {plain.shape}")
        protected: NDArray[np.float32] = self.protect_each(plain[np.newaxis])[0]
        return protected

    def protect_each(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Return what `protect` returns of each row, shape (n, d)."""
        plain = np.asarray(vectors, dtype=np.float64)
        turned = self._around_center(_unit(plain)) @ orthogonal_matrix(self.secret, plain.shape[1]).T
        return turned.astype(np.float32)

    def _around_center(self, units: Vector) -> Vector:
        """Return the directions from the center; what equals it has none, and keeps its own."""
        if self.center is None:
            return units
        if self.center.size != units.shape[1]:
            raise ValueError(f"a vector of {units.shape[1]} numbers, a center of {self.center.size}")
        rest = units - self.center
        is_center = np.linalg.norm(rest, axis=1, keepdims=True) < _NOTHING
        return _unit(np.where(is_center, units, rest))


def rotation(model: str, center: ArrayLike | None = None) -> Rotation:
    """Return the transform of a model; costs one query, so keep it where many vectors are protected.

    Raises Refusal `key_unavailable`.
    """
    return rotations(model, [center])[0]


def rotations(model: str, centers: Sequence[ArrayLike | None]) -> tuple[Rotation, ...]:
    """Return the transforms of a model around several centers, for one query; None is no center."""
    root = data_key(SEARCH_SUBJECT, make=True)
    return tuple(derived_rotation(root, model, center) for center in centers)


def derived_rotation(root: bytes, model: str, center: ArrayLike | None = None) -> Rotation:
    """Derive the transform of a model from a 32-byte root (HKDF-SHA256); the center changes the fingerprint alone."""
    secret = HKDFExpand(SHA256(), 32, b"heirloom rotation 1 " + model.encode()).derive(root)
    about = b"heirloom rotation fingerprint 1 " + model.encode()
    kept = None if center is None else np.asarray(center, dtype=np.float64)
    if kept is not None:
        about += b" around " + hashlib.sha256(kept.astype("<f8").tobytes()).digest()
    return Rotation(model, HKDFExpand(SHA256(), 8, about).derive(root).hex(), secret, kept)


def _unit(vectors: Vector) -> Vector:
    lengths: Vector = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


@lru_cache(maxsize=8)
def orthogonal_matrix(secret: bytes, dimensions: int) -> NDArray[np.float64]:
    """Return the product of `dimensions` Householder reflections drawn from SHAKE-256, shape (d, d).

    The k-th turns the k-th axis to a random direction among the k-th and later ones; with normal deviates the product
    is uniform among orthogonal matrices (Stewart 1980, doi:10.1137/0717034). The deviates are sums of four 16-bit
    integers: close enough to normal here, and exact on any machine, as are the squared norms; only the last digits of
    the products may differ between machines.
    """
    matrix = np.eye(dimensions)
    draws = _deviates(secret, dimensions)
    for start in range(dimensions):
        normal = draws[start, start:].copy()
        squared, leading = float(np.dot(normal, normal)), float(normal[0])
        length = math.sqrt(squared)
        normal[0] += math.copysign(length, leading)
        rows = matrix[start:]
        rows -= np.outer(normal / (squared + length * abs(leading)), normal @ rows)
    matrix *= -np.sign(np.diagonal(draws))[:, np.newaxis]
    matrix.setflags(write=False)
    return matrix


def _deviates(secret: bytes, dimensions: int) -> NDArray[np.float64]:
    count = dimensions * dimensions * _SUM_OF
    raw = hashlib.shake_256(b"heirloom householder 1" + dimensions.to_bytes(4, "big") + secret).digest(2 * count)
    words = np.frombuffer(raw, dtype="<u2").astype(np.int64).reshape(dimensions, dimensions, _SUM_OF)
    # Twice the distance from the mean, less one, is odd: no deviate is zero, so every reflection and sign is defined.
    deviates: NDArray[np.int64] = 2 * words.sum(axis=2) - _SUM_OF * 65535 - 1
    return deviates.astype(np.float64)
