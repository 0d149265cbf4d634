"""A copy of a wrapped key, from wherever the database left one, opens nothing once the key was destroyed."""

import stat
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import InMemoryStorage
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings as SettingsWrapper

from heirloom.crypto import services, shares
from heirloom.crypto.keys import ring
from heirloom.crypto.models import DataKey
from heirloom.crypto.places import Place
from heirloom.errors import Refusal

pytestmark = pytest.mark.django_db(transaction=True)


def sealed_for(subject: UUID) -> bytes:
    return services.seal(subject=subject, plaintext=b"128 numbers", place=Place("face.vector", ("1", "model")))


def unsealed(subject: UUID, sealed: bytes) -> bytes:
    return services.unseal(subject=subject, sealed=sealed, place=Place("face.vector", ("1", "model")))


def share_of(subject: UUID) -> Path:
    share = DataKey.objects.get(subject=subject).share
    assert share is not None
    return Path(shares.store().path(shares.name_of(share)))


def of_a_former_version(subject: UUID) -> None:
    row = DataKey(subject=subject)
    services._wrap(row, bytes(range(32)), ring())
    row.save()


def test_a_share_is_for_its_owner_alone_and_no_share_is_like_another(alice: UUID, bob: UUID) -> None:
    sealed_for(alice), sealed_for(bob)
    assert stat.S_IMODE(share_of(alice).stat().st_mode) == 0o600
    assert share_of(alice).read_bytes() != share_of(bob).read_bytes()


def test_a_row_from_before_the_erasure_opens_nothing_with_the_ring(alice: UUID) -> None:
    sealed = sealed_for(alice)
    copy = DataKey.objects.get(subject=alice)
    assert services._unwrap(copy, ring())
    services.destroy(subject=alice)
    DataKey.objects.filter(subject=alice).update(wrapped=copy.wrapped, ring_key=copy.ring_key, destroyed_at=None)
    DataKey.objects.filter(subject=alice).update(share=copy.share)
    with pytest.raises(Refusal, match="key_unavailable"):
        unsealed(alice, sealed)


def test_the_bytes_of_a_share_are_overwritten_where_they_lay(alice: UUID) -> None:
    sealed_for(alice)
    path = share_of(alice)
    before = path.read_bytes()
    with path.open("rb") as held:  # another name of the same place on the disk
        services.destroy(subject=alice)
        held.seek(0)
        assert held.read() != before
    assert not path.exists()
    assert DataKey.objects.get(subject=alice).share is None


def test_a_share_stays_when_the_transaction_fails(alice: UUID) -> None:
    sealed = sealed_for(alice)
    with transaction.atomic():
        services.destroy(subject=alice)
        transaction.set_rollback(True)
    assert unsealed(alice, sealed) == b"128 numbers"


def test_a_share_that_the_storage_keeps_is_destroyed_later(alice: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = sealed_for(alice)

    def broken(_: Any) -> None:
        raise OSError("the disk is away")

    with monkeypatch.context() as patched:
        patched.setattr(shares, "_overwrite", broken)
        services.destroy(subject=alice)
    assert services.shares_to_destroy(timezone.now())
    with pytest.raises(services.KeyDestroyedError):
        unsealed(alice, sealed)
    assert (services.destroy_shares(), services.destroy_shares()) == (1, 0)
    assert not services.shares_to_destroy(timezone.now())


def test_a_lost_share_is_told_from_a_destroyed_one(alice: UUID) -> None:
    sealed = sealed_for(alice)
    share_of(alice).unlink()
    with pytest.raises(Refusal, match="key_unavailable"):
        unsealed(alice, sealed)


def test_a_key_erased_between_its_row_and_its_share_reads_as_destroyed(alice: UUID) -> None:
    sealed_for(alice)
    row = DataKey.objects.get(subject=alice)
    services.destroy(subject=alice)
    with pytest.raises(services.KeyDestroyedError):
        services._unwrap(row, ring())


def test_keys_of_a_former_version_open_and_are_given_shares(alice: UUID, bob: UUID) -> None:
    of_a_former_version(alice)
    sealed, other = sealed_for(alice), sealed_for(bob)
    assert DataKey.objects.get(subject=alice).share is None
    assert (services.give_shares(), services.give_shares()) == (1, 0)
    assert unsealed(alice, sealed) == unsealed(bob, other) == b"128 numbers"
    share_of(alice).unlink()
    with pytest.raises(Refusal, match="key_unavailable"):
        unsealed(alice, sealed)


def test_a_storage_elsewhere_keeps_and_deletes_them(settings: SettingsWrapper, alice: UUID) -> None:
    settings.STORAGES = {**settings.STORAGES, "keys": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    sealed = sealed_for(alice)
    row = DataKey.objects.get(subject=alice)
    assert row.share is not None
    assert unsealed(alice, sealed) == b"128 numbers"
    services.destroy(subject=alice)
    assert not shares.store().exists(shares.name_of(row.share))


class Elsewhere(InMemoryStorage):
    """A storage that is not on a disk of this machine, and counts who asks it."""

    asked = 0

    def _open(self, name: str, mode: str = "rb") -> Any:
        Elsewhere.asked += 1
        return super()._open(name, mode)


@pytest.fixture
def elsewhere(settings: SettingsWrapper) -> type[Elsewhere]:
    settings.STORAGES = {**settings.STORAGES, shares.ALIAS: {"BACKEND": f"{__name__}.Elsewhere"}}
    Elsewhere.asked = 0
    return Elsewhere


def test_from_a_storage_elsewhere_each_share_is_asked_for_once(elsewhere: type[Elsewhere]) -> None:
    subjects = [uuid4() for _ in range(30)]
    for subject in subjects:
        sealed_for(subject)
    assert len(services.data_keys(subjects)) == 30
    assert elsewhere.asked == 30
    assert len(services.data_keys(subjects)) == 30
    assert elsewhere.asked == 30


def test_what_is_remembered_of_a_destroyed_share_is_forgotten(elsewhere: type[Elsewhere], alice: UUID) -> None:
    sealed = sealed_for(alice)
    assert unsealed(alice, sealed) == b"128 numbers"
    share = DataKey.objects.get(subject=alice).share
    services.destroy(subject=alice)
    assert share not in shares._remembered
    with pytest.raises(services.KeyDestroyedError):
        unsealed(alice, sealed)
