"""A file without a row, which a process killed in between left behind, goes after a day; a file with one never does."""

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from django.core.files.storage import default_storage

from enrollment.models import Capture
from heirloom.crypto import files, orphans, services, shares
from heirloom.crypto.models import DataKey

pytestmark = pytest.mark.django_db(transaction=True)
Store = Callable[..., str]


def aged(path: Path, days: float = 2) -> None:
    then = time.time() - days * 24 * 3600
    os.utime(path, (then, then))


@pytest.fixture
def stored(alice: UUID) -> Store:
    def store(folder: str = "captures", days: float = 2) -> str:
        name = files.write(subject=alice, name=f"{folder}/{uuid.uuid4()}", chunks=[b"a face"]).name
        aged(Path(default_storage.path(name)), days)
        return name

    return store


def held(name: str, subject: UUID) -> None:
    Capture.objects.create(subject=subject, storage_name=name, kind="image", mime="image/png", source="a", size_bytes=1)


@pytest.mark.parametrize("folder", ["captures", "imports/x", "frames/x", "uploads"])
def test_what_no_row_names_goes_and_what_one_names_stays(stored: Store, alice: UUID, folder: str) -> None:
    orphan, named = stored(folder), stored()
    held(named, alice)
    assert orphans.sweep() == 1
    assert not default_storage.exists(orphan)
    assert default_storage.exists(named)


def test_a_file_whose_row_may_still_come_is_left_alone(stored: Store) -> None:
    young = stored(days=0.5)
    assert orphans.sweep() == 0
    assert default_storage.exists(young)


def test_files_that_are_not_ours_are_left_alone() -> None:
    path = Path(default_storage.path("others/theirs"))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    aged(path)
    assert orphans.sweep() == 0
    assert path.exists()


def test_a_storage_of_another_database_is_not_emptied(stored: Store, caplog: pytest.LogCaptureFixture) -> None:
    names = [stored() for _ in range(orphans.FEW + 1)]
    assert orphans.sweep() == 0
    assert all(default_storage.exists(name) for name in names)
    assert "none is deleted" in caplog.text


def test_a_share_of_a_key_that_was_never_kept_goes(alice: UUID) -> None:
    services.data_key(alice, make=True)
    kept = DataKey.objects.get(subject=alice).share
    lost, _ = shares.make()
    assert kept is not None
    for share_id in (kept, lost):
        aged(Path(shares.store().path(shares.name_of(share_id))))
    assert orphans.sweep() == 1
    assert shares.read(kept)
    with pytest.raises(shares.ShareMissingError):
        shares.read(lost)
