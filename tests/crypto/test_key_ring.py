import base64
import stat
import threading
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings as SettingsWrapper

from heirloom.crypto import keys, services
from heirloom.crypto.places import Place
from heirloom.errors import Refusal


def encoded(byte: int, size: int = 32) -> str:
    return base64.b64encode(bytes([byte]) * size).decode()


def test_the_first_key_seals_and_all_are_found() -> None:
    ring = keys.parse_ring(f"new:{encoded(2)}, old:{encoded(1)}")
    assert ring.first.id == "new"
    assert ring.get("old").secret == b"\1" * 32


def test_a_key_that_the_ring_lacks_is_refused() -> None:
    with pytest.raises(Refusal, match="key_unavailable"):
        keys.parse_ring(f"new:{encoded(2)}").get("old")


@pytest.mark.parametrize(
    "text", ["", "a", "a:!!", f"a:{encoded(1, 16)}", f"a:{encoded(1)},a:{encoded(2)}", f"a b:{encoded(1)}"]
)
def test_a_ring_that_cannot_be_understood_stops_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        keys.parse_ring(text)


def test_no_message_and_no_representation_repeats_a_key() -> None:
    ring = keys.parse_ring(f"a:{encoded(7)}")
    with pytest.raises(ImproperlyConfigured) as caught:
        keys.parse_ring(f"a:{encoded(7, 31)}")
    assert encoded(7)[:12] not in repr(ring) + str(caught.value)
    assert repr(b"\7" * 8)[2:-1] not in repr(ring)


@pytest.mark.django_db
def test_the_embedded_mode_makes_a_ring_once_for_its_owner_alone(settings: SettingsWrapper, tmp_path: Path) -> None:
    settings.ENCRYPTION_KEYS, settings.EMBEDDED, settings.KEY_RING_FILE = "", True, tmp_path / "var" / "keys.json"
    made = keys.ring()
    keys.ring.cache_clear()
    assert keys.ring() == made
    assert stat.S_IMODE(settings.KEY_RING_FILE.stat().st_mode) == 0o600


@pytest.mark.django_db
def test_of_many_processes_that_start_at_once_all_read_the_same_ring(
    settings: SettingsWrapper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEY_RING_FILE = tmp_path / "keys.json"
    monkeypatch.setattr(keys, "_data_keys_exist", lambda: False)
    seen: list[keys.KeyRing] = []

    def start() -> None:
        keys._make_ring_file(settings.KEY_RING_FILE)
        seen.append(keys.read_ring_file(settings.KEY_RING_FILE))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert all(ring == seen[0] for ring in seen)
    assert [path.name for path in tmp_path.glob("*keys*")] == ["keys.json"]


@pytest.mark.django_db
def test_a_lost_ring_is_never_replaced_while_data_exists(settings: SettingsWrapper, tmp_path: Path) -> None:
    services.seal(subject=uuid4(), plaintext=b"x", place=Place("t.c", ("1",)))
    keys.ring.cache_clear()
    settings.ENCRYPTION_KEYS, settings.EMBEDDED, settings.KEY_RING_FILE = "", True, tmp_path / "keys.json"
    with pytest.raises(ImproperlyConfigured, match="Restore"):
        keys.ring()
    assert not settings.KEY_RING_FILE.exists()


def test_a_server_without_a_ring_does_not_make_one(settings: SettingsWrapper, tmp_path: Path) -> None:
    settings.ENCRYPTION_KEYS, settings.EMBEDDED, settings.KEY_RING_FILE = "", False, tmp_path / "keys.json"
    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        keys.ring()
    assert not settings.KEY_RING_FILE.exists()
