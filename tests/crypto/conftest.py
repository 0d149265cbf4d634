from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import default_storage
from pytest_django.fixtures import Settings as SettingsWrapper

from heirloom.crypto import keys


@pytest.fixture(autouse=True)
def own_places(settings: SettingsWrapper, tmp_path: Path) -> None:
    """Every test has its own storage and scratch folder."""
    settings.VAR_DIR = tmp_path / "var"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files")},
        },
        "keys": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "keys")},
        },
    }
    assert default_storage is not None


@pytest.fixture(autouse=True)
def fresh_ring() -> Iterator[None]:
    keys.ring.cache_clear()
    yield
    keys.ring.cache_clear()


@pytest.fixture
def alice() -> UUID:
    return uuid4()


@pytest.fixture
def bob() -> UUID:
    return uuid4()
