"""Envelope encryption: each subject's data under its own key, each such key wrapped by a key of the ring.

A subject is a person, or a capture. A capture stays its own subject when it comes to belong to somebody:
nothing is ever sealed anew to change hands, and whoever erases a person destroys the subjects of its captures too.

What wraps a data key is made of a key of the ring and a share (heirloom.crypto.shares), so that destroying the share
destroys every copy of the wrapped key: in dead rows, in the database's log and in its backups.

What is sealed opens in its own place alone (`places.Place`): bytes of the same subject from another row or column, or
beside another model or count than they were sealed with, are found to be moved.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import cast
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from heirloom.crypto import former, rewriting, shares
from heirloom.crypto.keys import KEY_BYTES, KeyRing, ring
from heirloom.crypto.models import DataKey
from heirloom.crypto.places import Place
from heirloom.errors import Refusal

logger = logging.getLogger(__name__)
# Sealed bytes: version, 96-bit random nonce, ciphertext with its 128-bit tag (NIST SP 800-38D). Version 1 is that of
# wrapped keys, and of data that was bound to a subject and a purpose alone; version 2 is bound to its place.
VERSION, PLACED = b"\x01", b"\x02"
NONCE_BYTES = 12
_REWRAP_BATCH = 500
_DESTROY_BATCH = 500


class KeyDestroyedError(LookupError):
    """The subject has no data key: it was destroyed, or never was."""


class SealBrokenError(Refusal):
    """The bytes were not sealed for this subject and place, or were changed since: our fault, never the sender's."""

    def __init__(self, why: str = "") -> None:
        super().__init__("seal_broken")
        self.why = why

    def __reduce__(self) -> tuple[object, ...]:
        return SealBrokenError, (self.why,)


def seal(*, subject: UUID, plaintext: bytes, place: Place) -> bytes:
    """Encrypt for a subject, whose data key is made on first use; only the same subject and place open it.

    Raises KeyDestroyedError, and Refusal `key_unavailable`.
    """
    return next(seal_all(subject=subject, plaintexts=[(place, plaintext)]))


def seal_all(*, subject: UUID, plaintexts: Iterable[tuple[Place, bytes]]) -> Iterator[bytes]:
    """Encrypt many things for one subject, whose data key is looked up once; raises as `seal` does."""
    key = data_key(subject, make=True)
    for place, plaintext in plaintexts:
        yield sealed_by(key, subject=subject, plaintext=plaintext, place=place)


def sealed_by(key: bytes, *, subject: UUID, plaintext: bytes, place: Place) -> bytes:
    """Encrypt for a subject whose key, as `data_key` gives it, is at hand."""
    nonce = os.urandom(NONCE_BYTES)
    return PLACED + nonce + AESGCM(key).encrypt(nonce, plaintext, place.bound_to(subject))


def unseal(*, subject: UUID, sealed: bytes, place: Place) -> bytes:
    """Decrypt what `seal` made.

    Raises KeyDestroyedError, and Refusal `seal_broken` (SealBrokenError) and `key_unavailable`.
    """
    return next(unseal_all(subject=subject, sealed=[(place, sealed)]))


def unseal_all(*, subject: UUID, sealed: Iterable[tuple[Place, bytes]]) -> Iterator[bytes]:
    """Decrypt many things of one subject, whose data key is looked up once; raises as `unseal` does."""
    key, opened_before = AESGCM(data_key(subject)), cache(former.are_opened)
    for place, one in sealed:
        yield _opened(key, bytes(one), subject, place, opened_before)


def unseal_each(*, sealed: Mapping[UUID, tuple[Place, bytes]]) -> dict[UUID, bytes]:
    """Decrypt what was sealed for each of several subjects, with one query; whose key was destroyed is left out.

    Raises Refusal `seal_broken` and `key_unavailable`.
    """
    opened_before = cache(former.are_opened)
    return {
        subject: _opened(AESGCM(key), bytes(sealed[subject][1]), subject, sealed[subject][0], opened_before)
        for subject, key in data_keys(sealed).items()
    }


def sealed_anew(kept: Sequence[tuple[UUID, Place, bytes]]) -> list[bytes | None]:
    """Return seals of any subjects as they are made now, with two queries; None for what has no key or does not open.

    Raises Refusal `key_unavailable`.
    """
    keys, opened_before = data_keys({subject for subject, _, _ in kept}), cache(former.are_opened)
    return [
        _sealed_anew(keys[subject], subject, place, sealed, opened_before) if subject in keys else None
        for subject, place, sealed in kept
    ]


@transaction.atomic
def destroy(*, subject: UUID) -> None:
    """Destroy the subject's data key: nothing that was sealed for it can be read again, nor anything new be sealed.

    Its share is destroyed as soon as the caller's transaction has committed; what the storage refuses is tried again.
    """
    now = timezone.now()
    DataKey.objects.bulk_create([DataKey(subject=subject, destroyed_at=now)], ignore_conflicts=True)
    DataKey.objects.filter(subject=subject, destroyed_at__isnull=True).update(
        wrapped=None, ring_key="", destroyed_at=now
    )
    transaction.on_commit(lambda: _destroy_shares([subject]), robust=True)


def destroy_all(*, subjects: Iterable[UUID]) -> None:
    """Destroy the data keys of several subjects in one transaction."""
    with transaction.atomic():
        for subject in subjects:
            destroy(subject=subject)


def destroy_shares() -> int:
    """Destroy shares that are still there though their keys were destroyed; the sweep calls this. Returns how many."""
    due = DataKey.objects.filter(destroyed_at__isnull=False, share__isnull=False)
    return _destroy_shares(list(due.order_by("destroyed_at").values_list("subject", flat=True)[:_DESTROY_BATCH]))


def shares_to_destroy(before: datetime) -> bool:
    """Say whether a key that was destroyed before a time still has its share."""
    return DataKey.objects.filter(destroyed_at__lt=before, share__isnull=False).exists()


def give_shares() -> int:
    """Wrap some data keys of former versions by a share as well, and return how many there were.

    The copies of them that the database keeps open without one, until their table is written anew.
    """
    with transaction.atomic():
        done = _rewrap_batch(ring(), DataKey.objects.filter(wrapped__isnull=False, share__isnull=True))
        if done:
            rewriting.ask([DataKey._meta.db_table])
    return done


def give_shares_for(turn_s: float) -> int:
    """Do so for about `turn_s` seconds, or until all have one. Any number of processes may be at it."""
    done, ends_at = 0, time.monotonic() + turn_s
    while time.monotonic() < ends_at and (batch := give_shares()):
        done += batch
    return done


def rewrap() -> int:
    """Wrap every data key by the first key of the ring and return how many were not; sealed data stays as it is.

    It may run while the system works, and again after an interruption.
    Raises Refusal `key_unavailable` before anything is changed if the ring lacks a key that is in use.
    """
    keys = ring()
    if missing := missing_ring_keys():
        raise Refusal("key_unavailable", f"The key ring lacks {', '.join(sorted(missing))}.")
    former.keep_through_rotation()
    done = 0
    stale = DataKey.objects.filter(wrapped__isnull=False).exclude(ring_key=keys.first.id, share__isnull=False)
    while batch := _rewrap_batch(keys, stale):
        done += batch
    return done


def missing_ring_keys() -> set[str]:
    """Return the ids of keys that wrapped a data key and are not in the ring."""
    used = DataKey.objects.filter(wrapped__isnull=False).values_list("ring_key", flat=True).distinct()
    return set(used) - {key.id for key in ring().keys}


def data_key(subject: UUID, *, make: bool = False) -> bytes:
    """Return the 32 bytes of a subject's key; with `make`, a new one if it never had one.

    Raises KeyDestroyedError, and Refusal `key_unavailable`.
    """
    row = DataKey.objects.filter(subject=subject).first()
    if row is None and make:
        row = _made(subject)
    if row is None or row.wrapped is None:
        raise KeyDestroyedError(str(subject))
    return _unwrap(row, ring())


def data_keys(subjects: Iterable[UUID]) -> dict[UUID, bytes]:
    """Return the keys of those subjects that have one, with one query. Raises Refusal `key_unavailable`."""
    keys, rows = ring(), DataKey.objects.filter(wrapped__isnull=False).in_bulk(list(subjects))
    shares.fetch(row.share for row in rows.values() if row.share is not None)
    opened = {}
    for subject, row in rows.items():
        try:
            opened[subject] = _unwrap(row, keys)
        except KeyDestroyedError:  # meanwhile
            continue
    return opened


def _made(subject: UUID) -> DataKey:
    """Make a subject's key, unless another process just did; then the share made here is nobody's."""
    fresh = _new_row(subject)
    DataKey.objects.bulk_create([fresh], ignore_conflicts=True)
    row = DataKey.objects.get(subject=subject)
    if row.share != fresh.share:
        shares.destroy(cast(UUID, fresh.share))
    return row


def _new_row(subject: UUID) -> DataKey:
    row = DataKey(subject=subject)
    row.share, share = shares.make()
    _wrap(row, os.urandom(KEY_BYTES), ring(), share)
    return row


def _wrap(row: DataKey, secret: bytes, keys: KeyRing, share: bytes | None = None) -> None:
    nonce = os.urandom(NONCE_BYTES)
    row.ring_key = keys.first.id
    sealed = AESGCM(_wrapping(keys.first.secret, share)).encrypt(nonce, secret, _wrapped_for(row))
    row.wrapped = VERSION + nonce + sealed


def _unwrap(row: DataKey, keys: KeyRing) -> bytes:
    secret = keys.get(row.ring_key).secret
    try:
        share = None if row.share is None else shares.read(row.share)
        return _open(AESGCM(_wrapping(secret, share)), bytes(row.wrapped or b""), _wrapped_for(row))
    except shares.ShareMissingError:
        if DataKey.objects.filter(subject=row.subject, destroyed_at__isnull=False).exists():
            raise KeyDestroyedError(str(row.subject)) from None
        raise Refusal("key_unavailable") from None
    except SealBrokenError:
        # The ring has another key under this id.
        raise Refusal("key_unavailable") from None


def _wrapping(secret: bytes, share: bytes | None) -> bytes:
    """Return what wraps a data key: HKDF-SHA256 of a key of the ring, salted by the share."""
    return secret if share is None else HKDF(SHA256(), KEY_BYTES, share, b"heirloom wrapping 2").derive(secret)


@transaction.atomic
def _rewrap_batch(keys: KeyRing, stale: QuerySet[DataKey]) -> int:
    rows = list(stale.select_for_update().order_by("subject")[:_REWRAP_BATCH])
    for row in rows:
        secret = _unwrap(row, keys)
        if row.share is None:
            row.share, share = shares.make()
        else:
            share = shares.read(row.share)
        _wrap(row, secret, keys, share)
    DataKey.objects.bulk_update(rows, ["wrapped", "ring_key", "share"])
    return len(rows)


def _destroy_shares(subjects: Iterable[UUID]) -> int:
    done = 0
    for row in DataKey.objects.filter(subject__in=list(subjects), destroyed_at__isnull=False, share__isnull=False):
        try:
            shares.destroy(cast(UUID, row.share))
        except Refusal:
            logger.warning("the share of a destroyed key is still there and will be destroyed later")
            continue
        done += DataKey.objects.filter(subject=row.subject, share=row.share).update(share=None)
    return done


def _opened(key: AESGCM, sealed: bytes, subject: UUID, place: Place, opened_before: Callable[[], bool]) -> bytes:
    """Open bytes in their place, by the version that they carry. A seal that does not open is told to the operator."""
    bound_to, version = place.bound_to(subject), PLACED
    if sealed[:1] == VERSION and place.former is not None and opened_before():
        bound_to, version = b"heirloom data" + VERSION + subject.bytes + place.former, VERSION
    try:
        return _open(key, sealed, bound_to, version)
    except SealBrokenError as error:
        logger.critical("sealed data does not open: %s %s: %s", place.column, "/".join(place.row), error.why)
        raise


def _sealed_anew(
    key: bytes, subject: UUID, place: Place, sealed: bytes, opened_before: Callable[[], bool]
) -> bytes | None:
    try:
        plain = _opened(AESGCM(key), sealed, subject, place, opened_before)
    except SealBrokenError:
        return None
    return sealed_by(key, subject=subject, plaintext=plain, place=place)


def _open(key: AESGCM, sealed: bytes, bound_to: bytes, version: bytes = VERSION) -> bytes:
    body = sealed[1:]
    if sealed[:1] != version:
        raise SealBrokenError("of a version that is not opened")
    try:
        return key.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):
        raise SealBrokenError("changed, or sealed for another place") from None


def _wrapped_for(row: DataKey) -> bytes:
    return b"heirloom key" + VERSION + row.subject.bytes + row.ring_key.encode()
