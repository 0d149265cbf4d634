import hashlib
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from pytest_django.fixtures import Settings as SettingsWrapper

from heirloom.crypto import files, scratch, services
from heirloom.crypto.stream import StreamDamagedError
from heirloom.errors import Refusal

pytestmark = pytest.mark.django_db
PLAIN = b"a face as it was received " * 10_000


def chunks() -> Iterator[bytes]:
    for start in range(0, len(PLAIN), 10_001):
        yield PLAIN[start : start + 10_001]


def written(subject: UUID, name: str = "captures/1") -> files.StoredFile:
    return files.write(subject=subject, name=name, chunks=chunks())


def leftovers() -> list[Path]:
    return list(scratch.scratch_root().rglob("*"))


def test_a_file_comes_back_with_its_size_and_digest(alice: UUID) -> None:
    stored = written(alice)
    assert stored == files.StoredFile("captures/1", len(PLAIN), hashlib.sha256(PLAIN).hexdigest())
    assert files.read_bytes(subject=alice, name="captures/1", place="captures/1") == PLAIN


def test_the_storage_never_sees_plaintext_and_nothing_is_left_over(alice: UUID, tmp_path: Path) -> None:
    written(alice)
    assert not leftovers()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and b"face" in path.read_bytes()] == []


def test_an_empty_file_is_kept_as_one(alice: UUID) -> None:
    assert files.write(subject=alice, name="empty", chunks=[]).size == 0
    assert files.read_bytes(subject=alice, name="empty", place="empty") == b""


def test_a_file_moved_to_another_name_or_subject_does_not_open(alice: UUID, bob: UUID) -> None:
    written(alice), written(bob, "captures/2")
    Path(default_storage.path("captures/1")).rename(default_storage.path("captures/3"))
    with pytest.raises(StreamDamagedError):
        files.read_bytes(subject=alice, name="captures/3", place="captures/3")
    with pytest.raises(StreamDamagedError):
        files.read_bytes(subject=alice, name="captures/2", place="captures/2")


def test_a_file_is_read_for_its_own_place_alone(alice: UUID) -> None:
    """Whoever can write rows cannot have one row read the file of another, even of the same subject."""
    written(alice, "frames/v/1-abc"), written(alice, "frames/v/2")
    assert files.read_bytes(subject=alice, name="frames/v/1-abc", place="frames/v/1") == PLAIN
    assert files.read_bytes(subject=alice, name="frames/v/2", place="frames/v/2") == PLAIN
    for name, place in (("frames/v/1-abc", "frames/v/2"), ("frames/v/2", "frames/v/1"), ("frames/v/2", "frames/v/")):
        with pytest.raises(StreamDamagedError) as told:
            files.read_bytes(subject=alice, name=name, place=place)
        assert told.value.code == "seal_broken"
        with pytest.raises(StreamDamagedError):
            next(files.read_part(subject=alice, name=name, place=place, start=0, stop=1))


def test_a_name_that_is_taken_is_refused_and_the_first_file_stays(alice: UUID) -> None:
    written(alice)
    with pytest.raises(FileExistsError):
        files.write(subject=alice, name="captures/1", chunks=[b"other"])
    assert files.read_bytes(subject=alice, name="captures/1", place="captures/1") == PLAIN
    assert len(default_storage.listdir("captures")[1]) == 1


def test_an_upload_that_breaks_off_leaves_nothing(alice: UUID) -> None:
    def broken() -> Iterator[bytes]:
        yield PLAIN
        raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        files.write(subject=alice, name="captures/1", chunks=broken())
    assert not default_storage.exists("captures/1")
    assert not leftovers()


def test_a_destroyed_subject_has_no_readable_files(alice: UUID) -> None:
    written(alice)
    services.destroy(subject=alice)
    with pytest.raises(services.KeyDestroyedError):
        files.read_bytes(subject=alice, name="captures/1", place="captures/1")


def test_a_deleted_file_is_gone_and_deleting_again_is_no_fault(alice: UUID) -> None:
    written(alice)
    files.delete("captures/1")
    files.delete("captures/1")
    with pytest.raises(Refusal, match="storage_unavailable"):
        files.read_bytes(subject=alice, name="captures/1", place="captures/1")


def test_a_storage_that_cannot_be_written_is_a_refusal(alice: UUID, tmp_path: Path) -> None:
    (tmp_path / "files").write_text("not a folder")
    with pytest.raises(Refusal, match="storage_unavailable"):
        written(alice)


def test_an_unlinked_file_can_be_searched_and_has_no_name(alice: UUID) -> None:
    written(alice)
    with files.open_unlinked(subject=alice, name="captures/1", place="captures/1") as file:
        file.seek(7)
        assert file.read(4) == PLAIN[7:11]
        assert not leftovers()


def test_a_private_copy_is_for_its_owner_alone_and_goes_on_exit(alice: UUID) -> None:
    written(alice)
    with files.private_copy(subject=alice, name="captures/1", place="captures/1", suffix=".mp4") as path:
        assert path.read_bytes() == PLAIN
        assert path.suffix == ".mp4"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not leftovers()


def test_a_failed_copy_leaves_nothing(alice: UUID) -> None:
    with (
        pytest.raises(services.KeyDestroyedError),
        files.private_copy(subject=alice, name="captures/1", place="captures/1"),
    ):
        pass
    assert not leftovers()


def test_the_sweep_deletes_what_a_killed_process_left_and_nothing_else(alice: UUID, settings: SettingsWrapper) -> None:
    written(alice)
    script = textwrap.dedent(f"""
        import os, signal
        from django.conf import settings
        settings.configure(VAR_DIR={str(settings.VAR_DIR)!r})
        from heirloom.crypto.scratch import private_folder
        with private_folder() as folder:
            (folder / "plain.mp4").write_text("a face")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    subprocess.run([sys.executable, "-c", script], check=False, cwd=settings.BASE_DIR)
    assert any(path.name == "plain.mp4" for path in leftovers())
    with files.private_copy(subject=alice, name="captures/1", place="captures/1") as path:
        assert scratch.sweep_plaintext() == 1
        assert path.exists()
    assert not leftovers()
