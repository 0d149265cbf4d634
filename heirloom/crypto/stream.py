"""Encryption of long byte streams in segments: any change, cut or reordering is found at the segment where it is.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar 2015) in the shape of Tink's AES-GCM-HKDF: a header of
a magic word, a random salt and a random nonce prefix; then segments of 64 KiB, each with its tag, under the nonce
prefix || 32-bit counter || last-flag. Every stream has a key of its own, derived from the data key and the salt.
"""

import os
from collections.abc import Iterable, Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from heirloom.errors import Refusal

SEGMENT_BYTES = 64 * 1024
_TAG_BYTES = 16
_MAGIC = b"HLS1"
_SALT_BYTES = 32
_PREFIX_BYTES = 7
_HEADER_BYTES = len(_MAGIC) + _SALT_BYTES + _PREFIX_BYTES


class StreamDamagedError(Refusal):
    """The stream was cut, changed, reordered, or encrypted for something else: our fault, never the sender's."""

    def __init__(self, why: str = "") -> None:
        super().__init__("seal_broken")
        self.why = why

    def __reduce__(self) -> tuple[object, ...]:
        return StreamDamagedError, (self.why,)


def encrypted(chunks: Iterable[bytes], *, key: bytes, bound_to: bytes) -> Iterator[bytes]:
    """Encrypt chunks of any size; only the same 32-byte key and `bound_to` decrypt the result."""
    header = _MAGIC + os.urandom(_SALT_BYTES + _PREFIX_BYTES)
    cipher = _cipher(key, header, bound_to)
    yield header
    for counter, segment, last in _marked_last(_segments(chunks)):
        yield cipher.encrypt(_nonce(header, counter, last), segment, None)


def decrypted(source: IO[bytes], *, key: bytes, bound_to: bytes) -> Iterator[bytes]:
    """Decrypt in segments of 64 KiB, each authentic when it is given.

    Raises StreamDamagedError at the first segment that is not what was written there, and at an early end.
    """
    header = _read_exactly(source, _HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise StreamDamagedError("no header")
    cipher = _cipher(key, header, bound_to)
    segments = iter(lambda: _read_exactly(source, SEGMENT_BYTES + _TAG_BYTES), b"")
    for counter, segment, last in _marked_last(segments):
        yield _decrypted(cipher, _nonce(header, counter, last), segment)


def decrypted_part(source: IO[bytes], *, key: bytes, bound_to: bytes, start: int, stop: int) -> Iterator[bytes]:
    """Decrypt bytes `start` up to `stop` of a seekable stream, each authentic when it is given.

    Raises StreamDamagedError at the first segment that is not what was written there, in a stream of this length.
    """
    stop = min(stop, plain_bytes(source.seek(0, os.SEEK_END)))
    last = (plain_bytes(source.tell()) - 1) // SEGMENT_BYTES
    source.seek(0)
    header = _read_exactly(source, _HEADER_BYTES)
    cipher = _cipher(key, header, bound_to)
    first = start // SEGMENT_BYTES
    source.seek(_HEADER_BYTES + first * (SEGMENT_BYTES + _TAG_BYTES))
    for counter in range(first, -(-stop // SEGMENT_BYTES)):
        segment = _read_exactly(source, SEGMENT_BYTES + _TAG_BYTES)
        begin = counter * SEGMENT_BYTES
        plain = _decrypted(cipher, _nonce(header, counter, counter == last), segment)
        yield plain[max(0, start - begin) : stop - begin]


def plain_bytes(stream_bytes: int) -> int:
    """Return how many bytes a stream of this length holds. Raises StreamDamagedError where none has this length."""
    body = stream_bytes - _HEADER_BYTES
    segments = max(1, -(-body // (SEGMENT_BYTES + _TAG_BYTES)))
    plain = body - segments * _TAG_BYTES
    if plain < 0 or (plain == 0 and segments > 1):
        raise StreamDamagedError("cut")
    return plain


def _decrypted(cipher: AESGCM, nonce: bytes, segment: bytes) -> bytes:
    try:
        return cipher.decrypt(nonce, segment, None)
    except (InvalidTag, ValueError):
        raise StreamDamagedError(f"segment {int.from_bytes(nonce[-5:-1], 'big')}") from None


def _cipher(key: bytes, header: bytes, bound_to: bytes) -> AESGCM:
    salt = header[len(_MAGIC) : len(_MAGIC) + _SALT_BYTES]
    return AESGCM(HKDF(SHA256(), 32, salt, b"heirloom stream" + _MAGIC + bound_to).derive(key))


def _nonce(header: bytes, counter: int, last: bool) -> bytes:
    return header[-_PREFIX_BYTES:] + counter.to_bytes(4, "big") + bytes([last])


def _segments(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= SEGMENT_BYTES:
            yield bytes(waiting[:SEGMENT_BYTES])
            del waiting[:SEGMENT_BYTES]
    if waiting:
        yield bytes(waiting)


def _marked_last(segments: Iterator[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Number the segments from 0 and mark the last; of none, make one that is empty."""
    current = next(segments, b"")
    counter = 0
    for following in segments:
        yield counter, current, False
        current, counter = following, counter + 1
    yield counter, current, True


def _read_exactly(source: IO[bytes], size: int) -> bytes:
    """Read `size` bytes, fewer only at the end; a storage may give less than was asked for at a time."""
    parts = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
