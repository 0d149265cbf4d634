"""Weights are held to their hash; what does not fit is refused and not kept."""

import hashlib
from pathlib import Path

import pytest

from heirloom.errors import Refusal
from heirloom.vision import catalog
from heirloom.vision.catalog import State, Weights
from heirloom.vision.contracts import contracts
from tests.vision.conftest import CONTENT


def listed(monkeypatch: pytest.MonkeyPatch, url: str, sha256: str) -> None:
    weights = Weights("some", "folder/file.onnx", url, sha256, len(CONTENT), "MIT", True, "any")
    monkeypatch.setattr(catalog, "entries", lambda: {"some": weights})


def test_every_entry_says_where_it_is_from() -> None:
    for weights in catalog.entries().values():
        assert weights.licence
        assert bool(weights.input) != bool(weights.contract)
        assert weights.contract in {"", *contracts()}
        assert weights.package or weights.url.startswith("https://")
        assert weights.sha256 or weights.url


def test_packaged_weights_are_the_ones_expected(tmp_path: Path) -> None:
    for name in ("dlib-descriptor", "dlib-detector", "dlib-landmarks-5"):
        assert catalog.verify(name, tmp_path) is State.OK


def test_a_pulled_file_is_checked_and_put_in_place(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(monkeypatch, f"{source}/file.onnx", hashlib.sha256(CONTENT).hexdigest())
    assert catalog.verify("some", tmp_path) is State.MISSING
    path = catalog.pull("some", tmp_path)
    assert path.read_bytes() == CONTENT
    assert catalog.verify("some", tmp_path) is State.OK
    assert catalog.present(tmp_path) == ("some",)


def test_a_file_with_another_hash_is_not_kept(tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, f"{source}/file.onnx", "0" * 64)
    with pytest.raises(Refusal, match="another sha256"):
        catalog.pull("some", tmp_path)
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, f"{source}/missing.onnx", "")
    with pytest.raises(Refusal, match="could not be downloaded"):
        catalog.pull("some", tmp_path)
    assert list((tmp_path / "folder").iterdir()) == []


def test_an_unpublished_hash_is_recorded_and_held_to(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(monkeypatch, f"{source}/file.onnx", "")
    path = catalog.pull("some", tmp_path)
    assert catalog.verify("some", tmp_path) is State.OK
    path.write_bytes(b"something else")
    assert catalog.verify("some", tmp_path) is State.WRONG_HASH
    assert not catalog.usable("some", tmp_path)


def test_a_file_put_there_by_hand_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, "https://example.invalid/file.onnx", "")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file.onnx").write_bytes(CONTENT)
    assert catalog.verify("some", tmp_path) is State.UNRECORDED
    assert not catalog.usable("some", tmp_path)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        catalog.pull("nonsense", tmp_path)
