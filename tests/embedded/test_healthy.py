"""`healthy vision`: what the health check of a container is told."""

from pathlib import Path

import pytest

from heirloom import settings
from heirloom.embedded.serve import healthy


def told(monkeypatch: pytest.MonkeyPatch, socket: Path, device: str) -> int:
    monkeypatch.setattr(settings, "VISION_SOCKET", socket)
    monkeypatch.setattr(settings, "VISION_DEVICE", device)
    return healthy(["vision"])


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_models_on_the_cpu_are_well_where_no_gpu_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, vision_process: Path, device: str
) -> None:
    assert told(monkeypatch, vision_process, device) == 0


def test_models_on_the_cpu_are_not_well_where_a_gpu_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, vision_process: Path
) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("here the models run on a GPU")
    assert told(monkeypatch, vision_process, "cuda") == 1


def test_nobody_at_the_socket_is_not_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert told(monkeypatch, tmp_path / "nobody.sock", "cpu") == 1
