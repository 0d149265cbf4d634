"""The vision process answers what the engine answers, says when it cannot, and ends when told."""

import contextlib
import os
import signal
import socket as sockets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision import wire
from heirloom.vision.client import VisionClient, VisionProcessError
from heirloom.vision.engine import VisionEngine
from heirloom.vision.server import VisionServer
from heirloom.vision.types import AnalysisRequest, Vision

REQUEST = AnalysisRequest(want=frozenset({"template"}))
START_S = 60.0


def started(socket: Path, models_dir: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "heirloom.vision.server", "--socket", str(socket), "--models-dir", str(models_dir)]
    return subprocess.Popen([*command, "--log-level", "warning", *more])


def ready(client: VisionClient) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(Refusal):
            if client.status().ready:
                return
        time.sleep(0.05)
    raise AssertionError("the vision process did not get ready")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Short, because a Unix socket's path may hold no more than 107 bytes."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module")
def socket(folder: Path, models_dir: Path) -> Iterator[Path]:
    path = folder / "run" / "v.sock"
    process = started(path, models_dir)
    try:
        ready(VisionClient(path))
        yield path
    finally:
        process.kill()
        process.wait()


def test_it_answers_as_the_engine_does(socket: Path, engine: VisionEngine, astronaut: Image, hopper: Image) -> None:
    client = VisionClient(socket)
    assert isinstance(client, Vision)
    here, there = engine.analyze([astronaut, hopper], REQUEST), client.analyze([astronaut, hopper], REQUEST)
    for ours, theirs in zip(here, there, strict=True):
        first, second = ours.faces[0], theirs.faces[0]
        assert first.quality == second.quality
        assert first.template is not None
        assert second.template is not None
        np.testing.assert_allclose(first.template.vector, second.template.vector, atol=1e-5)
    assert client.status().active_pack == "dlib"


def test_a_refusal_comes_back_as_one(socket: Path) -> None:
    with pytest.raises(Refusal, match="Installed here") as refusal:
        VisionClient(socket).analyze([], AnalysisRequest(pack="nonsense"))
    assert (refusal.value.code, refusal.value.attr) == ("model_not_available", "model_name")


def test_a_fault_over_there_is_one_over_here(socket: Path) -> None:
    with pytest.raises(VisionProcessError, match="ValueError"):
        VisionClient(socket).analyze([], AnalysisRequest(want=frozenset({"nonsense"})))


def test_several_threads_may_ask_at_once(socket: Path, hopper: Image) -> None:
    client = VisionClient(socket, pool_size=2)
    with ThreadPoolExecutor(4) as threads:
        frames = list(threads.map(lambda _: client.analyze([hopper], AnalysisRequest()), range(8)))
    assert [len(frame[0].faces) for frame in frames] == [1] * 8


def test_nothing_else_can_be_called(socket: Path) -> None:
    with Client(str(socket), "AF_UNIX") as connection:
        connection.send_bytes(wire.read_key(socket))
        wire.send(connection, ("close", ()))
        assert wire.receive(connection) == (wire.BROKEN, "no such method: close")


def test_without_the_key_nothing_is_read(socket: Path) -> None:
    with Client(str(socket), "AF_UNIX") as connection:
        connection.send_bytes(b"guess")
        with pytest.raises((EOFError, ConnectionResetError)):
            connection.recv()
    with pytest.raises(Refusal) as refusal:
        VisionClient(socket, b"guess").status()
    assert refusal.value.code == "vision_unavailable"


def test_the_socket_and_its_key_are_private(socket: Path) -> None:
    assert socket.parent.stat().st_mode & 0o077 == 0
    assert wire.key_file(socket).stat().st_mode & 0o077 == 0


def test_a_folder_open_to_others_is_refused(folder: Path, engine: VisionEngine) -> None:
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    with pytest.raises(PermissionError):
        VisionServer(engine, shared / "v.sock")


def test_a_second_process_does_not_take_the_socket(socket: Path, engine: VisionEngine) -> None:
    with pytest.raises(OSError, match="another vision process"):
        VisionServer(engine, socket)


def test_no_process_is_told_so(folder: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        VisionClient(folder / "nobody.sock").status()
    assert refusal.value.code == "vision_unavailable"
    assert refusal.value.retry_after


def test_one_that_does_not_answer_in_time_is_told_so(folder: Path) -> None:
    path = folder / "silent.sock"
    with sockets.socket(sockets.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(Refusal) as refusal:
            VisionClient(path, b"key", timeout_s=0.1).status()
    assert refusal.value.code == "vision_unavailable"


def test_a_client_outlives_a_restart(folder: Path, models_dir: Path) -> None:
    path = folder / "restart" / "v.sock"
    client = VisionClient(path)
    first = started(path, models_dir)
    ready(client)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert path.exists()
    with pytest.raises(Refusal):
        client.status()
    second = started(path, models_dir)
    ready(client)
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    assert not path.exists()


def test_one_that_is_asked_to_stop_answers_what_is_under_way(folder: Path, models_dir: Path, hopper: Image) -> None:
    path = folder / "stopped" / "v.sock"
    process, client = started(path, models_dir), VisionClient(path)
    ready(client)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.analyze, [hopper] * 8, REQUEST)
        while "heirloom_vision_queue_wait_seconds_count 1.0" not in client.status().metrics:
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        assert len(call.result()) == 8
    assert process.wait(20) == 0
    with pytest.raises(Refusal):
        client.status()


def test_an_idle_one_lets_go_of_its_networks_and_stays_ready(folder: Path, models_dir: Path, hopper: Image) -> None:
    path = folder / "idle" / "v.sock"
    process, client = started(path, models_dir, "--idle-unload-s", "0.2"), VisionClient(path)
    ready(client)
    while "heirloom_vision_model_memory_bytes{" in (status := client.status()).metrics:
        time.sleep(0.05)
    assert status.ready
    [frame] = client.analyze([hopper], REQUEST)
    assert frame.faces[0].template is not None
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_pack_that_cannot_be_loaded_ends_the_process(folder: Path, models_dir: Path) -> None:
    process = started(folder / "wrong" / "v.sock", models_dir, "--pack", "opencv-zoo")
    assert process.wait(START_S) == 1


def test_a_path_too_long_is_refused(tmp_path: Path, engine: VisionEngine) -> None:
    with pytest.raises(ValueError, match="107"):
        VisionServer(engine, tmp_path / ("long" * 30) / "v.sock")


def test_the_key_may_come_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, wire.KEY_ENVIRONMENT, "given")
    assert wire.read_key(folder / "any.sock") == b"given"
