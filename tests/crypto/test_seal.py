import base64
from typing import Any
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings as SettingsWrapper

from heirloom.crypto import keys, services
from heirloom.crypto.models import DataKey
from heirloom.crypto.places import Place
from heirloom.errors import Refusal

pytestmark = pytest.mark.django_db


def use_ring(settings: SettingsWrapper, **secrets: int) -> None:
    settings.ENCRYPTION_KEYS = ",".join(
        f"{name}:{base64.b64encode(bytes([byte]) * 32).decode()}" for name, byte in secrets.items()
    )
    keys.ring.cache_clear()


HERE = Place("face.vector", ("1", "model"))


def sealed_for(subject: UUID, place: Place = HERE) -> bytes:
    return services.seal(subject=subject, plaintext=b"128 numbers", place=place)


def unsealed(subject: UUID, sealed: bytes, place: Place = HERE) -> bytes:
    return services.unseal(subject=subject, sealed=sealed, place=place)


def test_what_was_sealed_is_opened(alice: UUID) -> None:
    assert unsealed(alice, sealed_for(alice)) == b"128 numbers"


def test_the_same_data_never_seals_to_the_same_bytes(alice: UUID) -> None:
    assert sealed_for(alice) != sealed_for(alice)


def test_another_subject_cannot_open_it(alice: UUID, bob: UUID) -> None:
    sealed_for(bob)
    with pytest.raises(services.SealBrokenError):
        unsealed(bob, sealed_for(alice))


def test_it_does_not_open_under_another_subject_even_with_the_same_key(alice: UUID, bob: UUID) -> None:
    sealed = sealed_for(alice)
    stolen = DataKey.objects.get(subject=alice)
    DataKey.objects.create(subject=bob, wrapped=stolen.wrapped, ring_key=stolen.ring_key)
    with pytest.raises(Refusal, match="key_unavailable"):
        unsealed(bob, sealed)


@pytest.mark.parametrize(
    "place",
    [
        Place("mean.vector", ("1", "model")),
        Place("face.vector", ("2", "model")),
        Place("face.vector", ("1", "another model")),
        Place("face.vector", ("1",)),
        Place("face.vector", ("1model",)),
        Place("face.vector", ("1", "model", "")),
    ],
    ids=str,
)
def test_it_does_not_open_in_another_place(alice: UUID, place: Place, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(services.SealBrokenError) as told:
        unsealed(alice, sealed_for(alice), place)
    assert (told.value.code, told.value.status) == ("seal_broken", 500)
    assert [(record.levelname, place.column in record.message) for record in caplog.records] == [("CRITICAL", True)]


@pytest.mark.parametrize("position", [0, 1, 13, -1])
def test_a_changed_byte_is_found(alice: UUID, position: int) -> None:
    sealed = bytearray(sealed_for(alice))
    sealed[position] ^= 1
    with pytest.raises(services.SealBrokenError):
        unsealed(alice, bytes(sealed))


@pytest.mark.parametrize("size", [0, 1, 5, 13, 20])
def test_a_cut_seal_is_found(alice: UUID, size: int) -> None:
    with pytest.raises(services.SealBrokenError):
        unsealed(alice, sealed_for(alice)[:size])


def test_a_destroyed_subject_can_never_be_read_or_written_again(alice: UUID, bob: UUID) -> None:
    sealed, other = sealed_for(alice), sealed_for(bob)
    services.destroy(subject=alice)
    with pytest.raises(services.KeyDestroyedError):
        unsealed(alice, sealed)
    with pytest.raises(services.KeyDestroyedError):
        sealed_for(alice)
    assert unsealed(bob, other) == b"128 numbers"


def test_destroying_twice_or_before_any_data_is_no_fault(alice: UUID) -> None:
    services.destroy(subject=alice)
    first = DataKey.objects.get(subject=alice).destroyed_at
    services.destroy(subject=alice)
    assert DataKey.objects.get(subject=alice).destroyed_at == first
    with pytest.raises(services.KeyDestroyedError):
        sealed_for(alice)


def test_a_subject_that_never_had_a_key_opens_nothing_and_gets_none(alice: UUID) -> None:
    with pytest.raises(services.KeyDestroyedError):
        unsealed(alice, b"\1" * 40)
    assert not DataKey.objects.exists()


def test_an_older_key_of_the_ring_still_opens(settings: SettingsWrapper, alice: UUID) -> None:
    use_ring(settings, old=1)
    sealed = sealed_for(alice)
    use_ring(settings, new=2, old=1)
    assert unsealed(alice, sealed) == b"128 numbers"


def test_a_missing_ring_key_is_a_refusal(settings: SettingsWrapper, alice: UUID) -> None:
    use_ring(settings, old=1)
    sealed = sealed_for(alice)
    use_ring(settings, new=2)
    with pytest.raises(Refusal, match="key_unavailable"):
        unsealed(alice, sealed)
    assert services.missing_ring_keys() == {"old"}


def test_another_key_under_the_same_id_is_a_refusal(settings: SettingsWrapper, alice: UUID) -> None:
    use_ring(settings, k=1)
    sealed = sealed_for(alice)
    use_ring(settings, k=2)
    with pytest.raises(Refusal, match="key_unavailable"):
        unsealed(alice, sealed)


def test_after_rewrapping_the_old_key_is_not_needed(settings: SettingsWrapper, alice: UUID, bob: UUID) -> None:
    use_ring(settings, old=1)
    sealed = sealed_for(alice)
    services.destroy(subject=bob)
    use_ring(settings, new=2, old=1)
    assert services.rewrap() == 1
    assert services.rewrap() == 0
    use_ring(settings, new=2)
    assert unsealed(alice, sealed) == b"128 numbers"


def test_rewrapping_changes_nothing_when_a_key_is_missing(settings: SettingsWrapper, alice: UUID, bob: UUID) -> None:
    use_ring(settings, lost=3)
    sealed_for(bob)
    use_ring(settings, old=1)
    sealed_for(alice)
    use_ring(settings, new=2, old=1)
    with pytest.raises(Refusal, match="lost"):
        services.rewrap()
    assert set(DataKey.objects.values_list("ring_key", flat=True)) == {"lost", "old"}


def test_many_things_are_sealed_and_opened_with_one_look_at_the_key(
    alice: UUID, django_assert_num_queries: Any
) -> None:
    things = [(Place("row.cells", (str(number),)), bytes([number]) * 10) for number in range(20)]
    places, plain = zip(*things, strict=True)
    sealed = list(services.seal_all(subject=alice, plaintexts=things))
    assert len(set(sealed)) == 20
    with django_assert_num_queries(1):
        assert tuple(services.unseal_all(subject=alice, sealed=zip(places, sealed, strict=True))) == plain
    assert services.unseal(subject=alice, sealed=sealed[3], place=places[3]) == plain[3]
