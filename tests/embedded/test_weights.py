"""The one attempt to pull the recommended weights: once, brief, and never a change under enrolled people."""

import threading
from pathlib import Path

import pytest

from heirloom.embedded import weights
from heirloom.errors import Refusal


def _offline(name: str, _models_dir: Path, _timeout_s: float) -> Path:
    raise Refusal("model_not_available", f"{name}: no network")


def test_without_a_network_it_is_tried_once_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heirloom.vision.catalog.pull", _offline)
    attempt = weights.pull_once(tmp_path, tmp_path / "models")
    assert attempt == weights.Attempt((), "yunet: no network")
    assert weights.pull_once(tmp_path, tmp_path / "models") is None


def test_a_name_server_that_never_answers_does_not_hold_the_start_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_FIRST_WITHIN_S", 1.1)
    answered = threading.Event()
    monkeypatch.setattr("heirloom.vision.catalog.pull", lambda *_: answered.wait(60))
    assert weights.pull_once(tmp_path, tmp_path) == weights.Attempt((), "no answer in time")
    assert not answered.is_set()
    answered.set()


def test_all_recommended_weights_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heirloom.vision.catalog.pull", lambda _name, models_dir, _timeout_s: models_dir)
    attempt = weights.pull_once(tmp_path, tmp_path)
    assert attempt == weights.Attempt(("yunet", "minifasnet-v2", "minifasnet-v1se", "sface"), "")
