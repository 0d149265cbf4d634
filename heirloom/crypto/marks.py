"""Keyed marks of files and of their looks: they find what was handed in before, and tell nobody else anything.

A plain SHA-256 or perceptual hash lets whoever steals the database ask for any picture of the world whether it was
handed in. So both are kept under a secret of this installation, sealed like a subject's data: a new key in the ring
leaves them valid.

- Of equal bytes: HMAC-SHA256 of the SHA-256. Without the secret it tells nothing but which files are equal.
- Of looks: the bits of the perceptual hash, put in a secret order, some of them turned over. Every Hamming distance
  stays as it is, which is what likeness is told by. It is obfuscation and revocability, not encryption: who looks like
  whom within this database can be read of it, and whoever knows the pictures behind some ten marks can find the order.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from heirloom.crypto.services import data_key

# The subject under which the secret is kept; no row of the product has this id.
MARKS_SUBJECT = UUID(int=4)
BITS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """order: which bit of a hash each bit of its mark is, the highest first. turned: the bits that are turned over."""

    secret: bytes = field(repr=False)
    order: tuple[int, ...] = field(repr=False)
    turned: int = field(repr=False)

    def of_bytes(self, sha256: str) -> str:
        """Return the mark (64 hex digits) of a file by its SHA-256 (hex)."""
        return hmac.new(self.secret, bytes.fromhex(sha256), hashlib.sha256).hexdigest()

    def of_looks(self, hashes: Iterable[int]) -> list[int]:
        """Return the marks of perceptual hashes, signed 64-bit numbers as they are (vision.fingerprint)."""
        return [_signed(self._ordered(one) ^ self.turned) for one in hashes]

    def _ordered(self, one: int) -> int:
        ordered = 0
        for place in self.order:
            ordered = ordered << 1 | one >> (BITS - 1 - place) & 1
        return ordered


def marks() -> Marks:
    """Return how this installation marks files; costs one query. Raises Refusal `key_unavailable`."""
    return derived_marks(data_key(MARKS_SUBJECT, make=True))


def derived_marks(root: bytes) -> Marks:
    """Derive the marks from a 32-byte root (HKDF-SHA256)."""
    drawn = HKDFExpand(SHA256(), 8 * (BITS + 1), b"heirloom marks of looks 1").derive(root)
    words = np.frombuffer(drawn, dtype="<u8")
    # In the order of 64 random numbers; that two of them are equal has a chance of 1 in 10^16, and is no fault.
    order = tuple(int(place) for place in np.argsort(words[:BITS], kind="stable"))
    secret = HKDFExpand(SHA256(), 32, b"heirloom marks of bytes 1").derive(root)
    return Marks(secret, order, int(words[BITS]))


def _signed(bits: int) -> int:
    return bits - (1 << BITS) if bits >> (BITS - 1) else bits
