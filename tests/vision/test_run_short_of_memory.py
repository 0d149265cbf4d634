"""When memory is short, batches get smaller and then the CPU helps out; the numbers stay the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

from heirloom.vision import dlib_graphs, runtime
from heirloom.vision.detection import Pixels
from heirloom.vision.runtime import CUDA, Runtime
from heirloom.vision.sessions import out_of_memory
from tests.vision.graphs import SmallGpu, counted, doubling


@pytest.fixture(scope="module")
def descriptor(models_dir: Path) -> Path:
    return dlib_graphs.descriptor_graph(models_dir)


@pytest.fixture(scope="module")
def chips() -> Pixels:
    return np.random.default_rng(5).integers(0, 255, (40, 150, 150, 3), np.uint8)


@pytest.fixture
def short() -> Runtime:
    return Runtime(CUDA, opener=SmallGpu())


def test_a_batch_that_does_not_fit_is_cut_until_it_does(short: Runtime, descriptor: Path, chips: Pixels) -> None:
    network = short.network(descriptor)
    plenty = Runtime().network(descriptor).run(chips)
    np.testing.assert_allclose(network.run(chips), plenty, atol=1e-5)
    cuts = counted(short, "out_of_memory_cuts_total")
    assert cuts >= 1
    assert short.device == "cuda:0"
    network.run(chips)
    assert counted(short, "out_of_memory_cuts_total") == cuts


def test_what_does_not_fit_even_alone_runs_on_the_cpu(
    short: Runtime, models_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    detector = dlib_graphs.detector_graph(models_dir)
    picture = np.zeros((1, 1400, 1400, 4), np.uint8)
    plenty = Runtime().network(detector).run(picture)
    np.testing.assert_array_equal(short.network(detector).run(picture), plenty)
    assert counted(short, "cpu_fallbacks_total", reason="out_of_memory") == 1
    assert "runs on the CPU: the GPU's memory is spent" in caplog.text
    assert short.device == "cpu"
    short.network(detector).run(picture)
    assert counted(short, "cpu_fallbacks_total") == 1


def test_the_gpu_is_tried_again_later(short: Runtime, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = short.network(dlib_graphs.detector_graph(models_dir))
    monkeypatch.setattr(runtime, "TRY_AGAIN_S", 0.2)
    network.run(np.zeros((1, 1400, 1400, 4), np.uint8))
    while short.device == "cpu":
        network.run(np.zeros((1, 80, 80, 4), np.uint8))
    assert counted(short, "model_unloads_total", reason="retried") == 2


def test_the_cpu_cuts_too_when_the_machine_has_no_more(descriptor: Path) -> None:
    """In a process of its own, whose address space ends a little above what it has."""
    program = f"""
import resource, psutil, numpy as np
from pathlib import Path
from heirloom.vision.runtime import Runtime
own = Runtime(threads=1)
network = own.network(Path({str(descriptor)!r}))
network.run(np.zeros((1, 150, 150, 3), np.uint8))
most = psutil.Process().memory_info().vms + (60 << 20)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
print(network.run(np.zeros((64, 150, 150, 3), np.uint8)).shape, "cuts_total{{model" in own.metrics())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[0] == "(64, 128) True", done.stderr


def test_other_faults_are_raised_at_once(short: Runtime, tmp_path: Path) -> None:
    network = short.network(doubling(tmp_path / "two.onnx"))
    with pytest.raises(InvalidArgument):
        network.run(np.zeros((8, 5), np.float32))
    assert counted(short, "out_of_memory_cuts_total") == 0


@pytest.mark.parametrize(
    ("error", "short_of_memory"),
    [
        (Fail("bfc_arena.cc:360 BFCArena::AllocateRawInternal(size_t) Available memory of 9 is smaller than "
              "requested bytes of 10"), True),
        (RuntimeException("running Conv node.\nbfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t"
                          ", bool) Failed to allocate memory for requested buffer of size 13111296\n"), True),
        (RuntimeException("onnxruntime::CudaCall CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc"), True),
        (RuntimeException("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0"), True),
        (RuntimeException("CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0"), True),
        (MemoryError(), True),
        (RuntimeException("CUDA failure 700: an illegal memory access was encountered ; GPU=0"), False),
        (RuntimeException("CUDNN failure 8: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0"), False),
        (RuntimeError("CUDA failure 2: out of memory ; GPU=0"), False),
        (ValueError("Failed to allocate memory"), False),
    ],
)  # fmt: skip
def test_only_what_says_so_is_taken_for_short_memory(error: Exception, short_of_memory: bool) -> None:
    assert out_of_memory(error) is short_of_memory
