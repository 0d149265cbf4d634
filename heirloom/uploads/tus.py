"""The headers of tus 1.0 (https://tus.io/protocols/resumable-upload), read strictly."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime

from django.utils.http import http_date

from heirloom.errors import Refusal

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
# Not to guard anything, but to find what a network changed on the way; the protocol wants SHA-1.
ALGORITHMS = ("sha1", "sha256")
LONGEST_METADATA, MOST_PAIRS = 4096, 50
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_NAME = re.compile(r"[!-+\--~]+", re.ASCII)


class Checksum:
    """What the bytes of one request must come to."""

    def __init__(self, algorithm: str, expected: bytes) -> None:
        self._expected = expected
        self._digest = hashlib.new(algorithm, usedforsecurity=False)

    def update(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            self._digest.update(chunk)

    def is_met(self) -> bool:
        return hmac.compare_digest(self._digest.digest(), self._expected)


def number(value: str | None, *, header: str) -> int:
    """Read a whole number that is not negative. Raises Refusal "validation_error"."""
    if value is None or not _NUMBER.fullmatch(value):
        raise _malformed(header, "a whole number, 0 or more, in digits")
    return int(value)


def checksum(value: str | None) -> Checksum | None:
    """Read Upload-Checksum: an algorithm and the digest in base64. Raises Refusal "validation_error"."""
    if value is None:
        return None
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in ALGORITHMS:
        raise _malformed("Upload-Checksum", f"one of {', '.join(ALGORITHMS)}, a space, and the digest in base64")
    expected = _decoded(encoded, header="Upload-Checksum")
    if len(expected) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise _malformed("Upload-Checksum", f"a digest of the length that {algorithm} has")
    return Checksum(algorithm, expected)


def metadata(value: str | None) -> str:
    """Return Upload-Metadata as it came, if it is well formed: names, each once, each with a value in base64 or none.

    Raises Refusal "validation_error".
    """
    if not value:
        return ""
    if len(value) > LONGEST_METADATA:
        raise _malformed("Upload-Metadata", f"at most {LONGEST_METADATA} characters")
    pairs, names = value.split(",", MOST_PAIRS), set()
    if len(pairs) > MOST_PAIRS:
        raise _malformed("Upload-Metadata", f"at most {MOST_PAIRS} pairs")
    for pair in pairs:
        name, _, encoded = pair.strip(" ").partition(" ")
        if not _NAME.fullmatch(name) or name in names:
            raise _malformed("Upload-Metadata", "pairs of a name and a value in base64, each name once")
        _decoded(encoded, header="Upload-Metadata")
        names.add(name)
    return value


def expires(at: datetime) -> str:
    """Return a time as Upload-Expires tells it (RFC 9110)."""
    return http_date(at.timestamp())


def _decoded(encoded: str, *, header: str) -> bytes:
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _malformed(header, "base64") from None


def _malformed(header: str, wanted: str) -> Refusal:
    return Refusal("validation_error", f"{header} must be {wanted}.", attr=header)
