"""Signatures that anybody with the public key can check, and nobody without the key ring can make.

Ed25519 (RFC 8032); the private key is derived from a key of the ring (HKDF-SHA256, RFC 5869), for this purpose alone:
it is kept nowhere, and opens nothing.
"""

import base64
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from heirloom.crypto.keys import KEY_BYTES, RingKey, ring

_INFO = b"heirloom trust 1 "
_SIGNED = b"heirloom trust report 1\n"
"""Stands before what is signed, so that no signature of another kind is taken for one of a report."""


@dataclass(frozen=True, slots=True)
class Signature:
    """key_id: of the ring's key. public_key, value: base64."""

    key_id: str
    public_key: str
    value: str


def sign(body: str) -> Signature:
    """Sign a report's text with the key derived from the ring's first. Raises ImproperlyConfigured without a ring."""
    key = ring().first
    return Signature(key.id, public_of(key), _text(_derived(key).sign(_SIGNED + body.encode())))


def public_keys() -> dict[str, str]:
    """Return the public half of each key of the ring, by the ring key's id; raises ImproperlyConfigured."""
    return {key.id: public_of(key) for key in ring().keys}


def public_of(key: RingKey) -> str:
    return _text(_derived(key).public_key().public_bytes_raw())


def is_signed(body: str, signature: Signature) -> bool:
    """Say whether the signature is one over this text by the public key it names; whose key that is, is not said."""
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature.public_key, validate=True))
        public.verify(base64.b64decode(signature.value, validate=True), _SIGNED + body.encode())
    except (ValueError, InvalidSignature):
        return False
    return True


@lru_cache(maxsize=32)
def _derived(key: RingKey) -> Ed25519PrivateKey:
    secret = HKDFExpand(SHA256(), KEY_BYTES, _INFO + key.id.encode()).derive(key.secret)
    return Ed25519PrivateKey.from_private_bytes(secret)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
