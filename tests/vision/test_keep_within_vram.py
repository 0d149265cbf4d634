"""All loaded networks together keep within VRAM_LIMIT_MB: the least recently used make room, in use they never do."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from heirloom.vision import runtime
from heirloom.vision.runtime import CUDA, Runtime
from heirloom.vision.sessions import PROVIDERS, cuda_options
from heirloom.vision.vram import HANDLES_MB, OUTSIDE_MB, WORKSPACE_MB, Budget
from tests.vision.graphs import Gpu, counted, doubling

TWO_FIT_MB = OUTSIDE_MB + 2.5 * (WORKSPACE_MB + HANDLES_MB)
ROW = np.ones((1, 4), np.float32)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [doubling(tmp_path / f"{number}.onnx") for number in range(4)]


@pytest.fixture
def tight() -> Runtime:
    return Runtime(CUDA, vram_limit_mb=TWO_FIT_MB, opener=Gpu())


def test_the_least_recently_used_makes_room(tight: Runtime, paths: list[Path]) -> None:
    first, second, third = (tight.network(path) for path in paths[:2] + paths[:1])
    third.run(ROW)
    tight.network(paths[2])
    assert tight.loaded == (paths[0], paths[2])
    assert counted(tight, "model_unloads_total", model="1", reason="room") == 1
    np.testing.assert_array_equal(second.run(ROW), 2 * ROW)
    assert tight.loaded == (paths[2], paths[1])
    np.testing.assert_array_equal(first.run(ROW), 2 * ROW)


def test_each_is_told_what_it_may_take(paths: list[Path]) -> None:
    gpu = Gpu()
    tight = Runtime(CUDA, vram_limit_mb=TWO_FIT_MB, opener=gpu)
    tight.network(paths[0])
    assert gpu.limits == [Budget(TWO_FIT_MB).arena_mb(paths[0])]
    options = cuda_options(gpu.limits[0])
    assert options["gpu_mem_limit"] == str(round(gpu.limits[0] * 2**20))
    assert options["arena_extend_strategy"] == "kSameAsRequested"
    assert "gpu_mem_limit" not in cuda_options(0)
    assert counted(tight, "vram_granted_bytes") == pytest.approx((gpu.limits[0] + HANDLES_MB) * 2**20)


def test_the_sum_never_passes_the_limit_whoever_asks(paths: list[Path]) -> None:
    most: list[float] = []
    tight = Runtime(CUDA, vram_limit_mb=TWO_FIT_MB, opener=Gpu(lambda path: most.append(granted_with(path))))

    def granted_with(path: Path) -> float:
        return tight.granted_mb + Budget(TWO_FIT_MB).need_mb(path)

    def use(number: int) -> None:
        rows = np.full((1, 4), number, np.float32)
        np.testing.assert_array_equal(tight.network(paths[number % 4]).run(rows), 2 * rows)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(200)))
    assert len(most) > 4
    assert max(most) <= TWO_FIT_MB - OUTSIDE_MB
    assert counted(tight, "cpu_fallbacks_total") == 0


def test_one_in_use_is_never_unloaded(
    tight: Runtime, paths: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime, "ROOM_WITHIN_S", 0.05)
    with tight.borrowed(paths[0]), tight.borrowed(paths[1]):
        np.testing.assert_array_equal(tight.network(paths[2]).run(ROW), 2 * ROW)
        assert set(tight.loaded) == set(paths[:3])
    assert counted(tight, "cpu_fallbacks_total", model="2", reason="does_not_fit") == 1
    assert "it does not fit into VRAM_LIMIT_MB" in caplog.text


def test_a_load_waits_for_one_in_use_to_be_given_back(tight: Runtime, paths: list[Path]) -> None:
    asked = threading.Event()
    with ThreadPoolExecutor(1) as threads, tight.borrowed(paths[0]):
        with tight.borrowed(paths[1]):
            later = threads.submit(lambda: (asked.set(), tight.network(paths[2]).run(ROW)))
            asked.wait()
        later.result()
    assert tight.loaded[-1] == paths[0]
    assert paths[1] not in tight.loaded
    assert counted(tight, "cpu_fallbacks_total") == 0


def test_one_that_can_never_fit_runs_on_the_cpu(paths: list[Path]) -> None:
    tiny = Runtime(CUDA, vram_limit_mb=OUTSIDE_MB + 100, opener=Gpu())
    np.testing.assert_array_equal(tiny.network(paths[0]).run(ROW), 2 * ROW)
    assert (tiny.device, tiny.granted_mb) == ("cpu", 0)
    assert counted(tiny, "cpu_fallbacks_total", model="0", reason="does_not_fit") == 1


def test_a_load_that_finds_the_gpu_full_unloads_others_first(paths: list[Path]) -> None:
    """Another program may hold the memory that the limit would leave us."""

    def full(path: Path) -> None:
        if len(shared.loaded) > 1:
            raise RuntimeException("onnxruntime::CudaCall CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc")

    shared = Runtime(CUDA, opener=Gpu(full))
    for path in paths[:3]:
        shared.network(path).run(ROW)
    assert shared.loaded == (paths[1], paths[2])
    assert shared.device == "cuda:0"


def test_a_gpu_that_is_full_without_us_leaves_the_cpu(paths: list[Path]) -> None:
    def full(path: Path) -> None:
        raise RuntimeException("onnxruntime::CudaCall CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc")

    unlucky = Runtime(CUDA, opener=Gpu(full))
    np.testing.assert_array_equal(unlucky.network(paths[0]).run(ROW), 2 * ROW)
    assert counted(unlucky, "cpu_fallbacks_total", reason="out_of_memory") == 1


def test_without_a_provider_all_run_on_the_cpu_with_one_warning(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [PROVIDERS["cpu"]])
    wanting = Runtime(CUDA)
    for path in paths:
        wanting.network(path).run(ROW)
    assert wanting.device == "cpu"
    assert counted(wanting, "cpu_fallbacks_total", reason="no_provider") == len(paths)
    assert caplog.text.count("CUDA was asked for") == 1
