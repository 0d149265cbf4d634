"""A network that nobody uses is unloaded, and loaded again by the next run."""

import time
from pathlib import Path

import numpy as np
import pytest

from heirloom.vision.runtime import Runtime
from tests.vision.graphs import counted, doubling

ROW = np.ones((1, 4), np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return doubling(tmp_path / "two.onnx")


def until_unloaded(runtime: Runtime) -> None:
    while runtime.loaded:
        time.sleep(0.01)


def test_it_is_unloaded_when_idle_and_loaded_by_the_next_run(path: Path) -> None:
    runtime = Runtime(idle_unload_s=0.05)
    network = runtime.network(path)
    until_unloaded(runtime)
    np.testing.assert_array_equal(network.run(ROW), 2 * ROW)
    until_unloaded(runtime)
    assert counted(runtime, "model_load_seconds_count", model="two") == 2
    assert counted(runtime, "model_unloads_total", model="two", reason="idle") == 2
    assert counted(runtime, "model_memory_bytes") == 0
    runtime.close()


def test_one_in_use_stays(path: Path) -> None:
    runtime = Runtime(idle_unload_s=0.001)
    with runtime.borrowed(path):
        time.sleep(0.05)
        runtime.unload_idle()
        assert runtime.loaded == (path,)
    runtime.close()


def test_by_default_nothing_is_unloaded(path: Path) -> None:
    runtime = Runtime()
    runtime.network(path)
    time.sleep(0.05)
    assert runtime.loaded == (path,)


def test_what_was_closed_can_be_used_again(path: Path) -> None:
    runtime = Runtime(idle_unload_s=0.05)
    runtime.network(path)
    runtime.close()
    assert runtime.loaded == ()
    np.testing.assert_array_equal(runtime.network(path).run(ROW), 2 * ROW)
    until_unloaded(runtime)


def test_a_network_gives_all_its_outputs_for_any_number_of_rows(path: Path, tmp_path: Path) -> None:
    rows = np.arange(200 * 4, dtype=np.float32).reshape(200, 4)
    for graph in (path, doubling(tmp_path / "one.onnx", rows=1)):
        twice, totals = Runtime().network(graph).outputs(rows)
        np.testing.assert_array_equal(twice, 2 * rows)
        np.testing.assert_array_equal(totals[:, 0], rows.sum(axis=1))
