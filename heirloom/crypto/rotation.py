"""Protection of search vectors: a keyed orthogonal transform per model.

It keeps every cosine, so that the database can search, and it makes a stolen index of no use with other systems'
vectors; a new key revokes the old index. It is obfuscation and revocability, not encryption: whoever knows as many
pairs of plain and protected vectors as the model has dimensions recovers the transform by linear algebra.

Its secret is sealed like a subject's data, so a new key in the ring leaves the vectors valid.
"""

import hashlib
import math
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
_SUM_OF = 4


@dataclass(frozen=True, slots=True)
class Rotation:
    """The transform of one model; `fingerprint` (16 hex digits) names model and secret beside each vector."""

    model: str
    fingerprint: str
    secret: bytes = field(repr=False)

    def protect(self, vector: ArrayLike) -> NDArray[np.float32]:
        """Return the rotated unit vector of shape (d,), computed in float64; cosines stay within 1e-6.

        Raises ValueError for anything but one finite vector that is not zero.
        """
        plain = np.asarray(vector, dtype=np.float64)
        if plain.ndim != 1 or not np.isfinite(plain).all() or not plain.any():
            raise ValueError(f"not one finite vector other than zero: shape {plain.shape}")
        turned = orthogonal_matrix(self.secret, plain.size) @ (plain / np.linalg.norm(plain))
        return turned.astype(np.float32)


def rotation(model: str) -> Rotation:
    """Return the transform of a model; costs one query, so keep it where many vectors are protected.

    Raises Refusal `key_unavailable`.
    """
    return derived_rotation(data_key(SEARCH_SUBJECT, make=True), model)


def protect(vector: ArrayLike, model: str) -> NDArray[np.float32]:
    """Protect one vector of a model; see Rotation.protect."""
    return rotation(model).protect(vector)


def fingerprint(model: str) -> str:
    """Return the fingerprint that vectors of this model carry now; another one on a row means: make it anew."""
    return rotation(model).fingerprint


def derived_rotation(root: bytes, model: str) -> Rotation:
    """Derive the transform of a model from a 32-byte root (HKDF-SHA256)."""
    secret = HKDFExpand(SHA256(), 32, b"heirloom rotation 1 " + model.encode()).derive(root)
    named = HKDFExpand(SHA256(), 8, b"heirloom rotation fingerprint 1 " + model.encode()).derive(root)
    return Rotation(model, named.hex(), secret)


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
