"""Marks find what was handed in before, and tell nobody without the secret what that was."""

import base64
import hashlib
import random

import pytest
from pytest_django import Settings

from heirloom.crypto import keys, services
from heirloom.crypto.marks import MARKS_SUBJECT, derived_marks, marks

_DRAWN = random.Random(7)
HASHES = [_DRAWN.getrandbits(64) - (1 << 63) for _ in range(300)]
LOOKS = [2939515535046011203, -6283856501808764605, -2939515535046011204, -8421960205316096800]
BYTES = "57e52efee392c28fdd1a9a0e645804ecb27a2f0cfe12f11f287bbd33afcdec5b"


def distance(one: int, other: int) -> int:
    return ((one ^ other) & ((1 << 64) - 1)).bit_count()


def test_every_distance_between_looks_stays_as_it_is() -> None:
    kept = derived_marks(bytes(32)).of_looks(HASHES)
    for one, other, mark, other_mark in zip(HASHES, HASHES[1:], kept, kept[1:], strict=False):
        assert distance(one, other) == distance(mark, other_mark)
    assert all(-(1 << 63) <= mark < 1 << 63 for mark in kept)


def test_without_the_secret_a_picture_is_not_found_by_its_hash() -> None:
    """As far from its mark as a stranger's: 32 of 64 bits in the mean."""
    apart = [distance(one, mark) for one, mark in zip(HASHES, derived_marks(b"\1" * 32).of_looks(HASHES), strict=True)]
    assert 28 < sum(apart) / len(apart) < 36
    assert min(apart) > 8


def test_two_installations_mark_the_same_file_differently() -> None:
    one, other = derived_marks(b"\1" * 32), derived_marks(b"\2" * 32)
    digest = hashlib.sha256(b"a face").hexdigest()
    assert len({digest, one.of_bytes(digest), other.of_bytes(digest)}) == 3
    assert one.of_looks(HASHES) != other.of_looks(HASHES)


def test_the_order_holds_every_bit_once_and_never_changes() -> None:
    """What was marked by an earlier version must be found by a later one."""
    kept = derived_marks(bytes(range(32)))
    assert sorted(kept.order) == list(range(64))
    assert kept.of_looks([0, 1, -1, 0x0123456789ABCDEF]) == LOOKS
    assert kept.of_bytes("00" * 32) == BYTES


@pytest.mark.django_db
def test_a_new_ring_leaves_every_mark_as_it_was(settings: Settings) -> None:
    def use(*names: str) -> None:
        settings.ENCRYPTION_KEYS = ",".join(f"{name}:{base64.b64encode(name.encode() * 32).decode()}" for name in names)
        keys.ring.cache_clear()

    try:
        use("a")
        before = marks().of_looks(HASHES)
        use("b", "a")
        services.rewrap()
        use("b")
        assert marks().of_looks(HASHES) == before
        assert services.data_key(MARKS_SUBJECT)
    finally:
        keys.ring.cache_clear()
