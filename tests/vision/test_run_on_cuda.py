"""On a real GPU graphs run, agree with the CPU, keep to their memory and give it back. Skipped where none is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.portraits import packaged
from heirloom.media.types import Image
from heirloom.vision import dlib_graphs
from heirloom.vision.detection import Pixels
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.packs import pyramid
from heirloom.vision.runtime import CPU, CUDA, Runtime
from heirloom.vision.types import AnalysisRequest, Floats
from heirloom.vision.vram import vram
from tests.vision.graphs import counted

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not Path("/dev/nvidiactl").exists(), reason="no NVIDIA driver on this machine"),
]

LIMIT_MB = 2048
SMALL_MB = 1024
_MIB = 1 << 20


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The files of the built-in pack's detector and descriptor."""
    folder = tmp_path_factory.mktemp("models")
    return dlib_graphs.detector_graph(folder), dlib_graphs.descriptor_graph(folder)


@pytest.fixture(scope="module")
def chips() -> Pixels:
    """Nine crops about the astronaut's face, and their mirror images."""
    pixels = packaged()["astronaut"].pixels
    cut = [pixels[row : row + 150, column : column + 150] for row in (30, 50, 70) for column in (130, 150, 170)]
    return np.stack([*cut, *(each[:, ::-1] for each in cut)])


@pytest.fixture
def gpu() -> Iterator[Runtime]:
    yield from closed(Runtime(CUDA))


def closed(runtime: Runtime) -> Iterator[Runtime]:
    yield runtime
    runtime.close()


def used_mb() -> float:
    card = vram()
    assert card is not None
    return card.used_bytes / _MIB


def unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_graphs_run_there_and_say_so(gpu: Runtime, graphs: tuple[Path, Path], chips: Pixels) -> None:
    gpu.network(graphs[1]).run(chips)
    assert gpu.device == "cuda:0"
    assert counted(gpu, "cpu_fallbacks_total") == 0
    assert counted(gpu, "model_memory_bytes", device="cuda:0") > 0


def test_templates_are_those_of_the_cpu(gpu: Runtime, graphs: tuple[Path, Path], chips: Pixels) -> None:
    there, here = (unit(each.network(graphs[1]).run(chips)) for each in (gpu, Runtime(CPU)))
    assert np.sum(there * here, axis=1).min() > 0.99999


def test_a_batch_answers_as_its_rows_alone(gpu: Runtime, graphs: tuple[Path, Path], chips: Pixels) -> None:
    network = gpu.network(graphs[1])
    alone = np.concatenate([network.run(chips[k : k + 1]) for k in range(len(chips))])
    np.testing.assert_allclose(network.run(chips), alone, atol=1e-3)


def test_windows_are_those_of_the_cpu(gpu: Runtime, graphs: tuple[Path, Path]) -> None:
    pixels = packaged()["astronaut"].pixels
    there, here = (pyramid.scan(each.network(graphs[0]), pixels, 0.0) for each in (gpu, Runtime(CPU)))
    orders = [np.lexsort(each.boxes.T) for each in (there, here)]
    np.testing.assert_allclose(there.boxes[orders[0]], here.boxes[orders[1]], atol=1e-6)
    np.testing.assert_allclose(there.scores[orders[0]], here.scores[orders[1]], atol=0.005)


def test_an_analysis_tells_what_the_cpu_tells(graphs: tuple[Path, Path]) -> None:
    pictures = [Image(portrait.pixels) for portrait in packaged().values()]
    told = []
    for device in (CUDA, CPU):
        engine = VisionEngine(VisionConfig(models_dir=graphs[0].parent, device=device))
        engine.load()
        told.append([each.faces[0] for each in engine.analyze(pictures, AnalysisRequest(want=frozenset({"template"})))])
        engine.close()
    for there, here in zip(*told, strict=True):
        assert there.face.box == here.face.box
        assert there.template is not None
        assert here.template is not None
        assert float(there.template.vector @ here.template.vector) > 0.9999


def test_pictures_of_many_sizes_keep_within_the_limit(graphs: tuple[Path, Path], chips: Pixels) -> None:
    before = used_mb()
    runtime = Runtime(CUDA, vram_limit_mb=LIMIT_MB)
    detector, descriptor = (runtime.network(each) for each in graphs)
    draw = np.random.default_rng(5)
    for _ in range(60):
        height, width = draw.integers(64, 1280, 2)
        pyramid.scan(detector, np.zeros((height, width, 3), np.uint8), 0.0)
        descriptor.run(np.repeat(chips, 4, axis=0)[: int(draw.integers(1, 64))])
        assert used_mb() - before < LIMIT_MB
    assert counted(runtime, "cpu_fallbacks_total") == 0
    runtime.close()


def test_a_batch_that_does_not_fit_is_cut_and_answers_the_same(graphs: tuple[Path, Path]) -> None:
    runtime = Runtime(CUDA, vram_limit_mb=SMALL_MB)
    pictures = np.random.default_rng(3).integers(0, 255, (16, 480, 640, 4), np.uint8)
    pictures[..., 3] = 1
    cut = runtime.network(graphs[0]).run(pictures)
    assert counted(runtime, "out_of_memory_cuts_total") > 0
    assert runtime.device == "cuda:0"
    whole = Runtime(CUDA).network(graphs[0]).run(pictures)
    np.testing.assert_allclose(cut, whole, atol=0.01)
    runtime.close()


def test_what_fits_in_no_batch_goes_to_the_cpu_and_answers(graphs: tuple[Path, Path]) -> None:
    runtime = Runtime(CUDA, vram_limit_mb=SMALL_MB)
    picture = np.zeros((1, 4096, 4096, 4), np.uint8)
    scores = runtime.network(graphs[0]).run(picture)
    assert counted(runtime, "cpu_fallbacks_total", reason="out_of_memory") == 1
    np.testing.assert_allclose(scores, Runtime(CPU).network(graphs[0]).run(picture), atol=0.01)
    runtime.close()


def test_loads_and_unloads_leave_nothing_behind(graphs: tuple[Path, Path], chips: Pixels) -> None:
    used = []
    for _ in range(12):
        runtime = Runtime(CUDA)
        runtime.network(graphs[1]).run(chips)
        runtime.close()
        used.append(used_mb())
    assert used[-1] - used[2] < 16


def test_a_process_that_is_shown_no_card_goes_on_without(graphs: tuple[Path, Path]) -> None:
    program = (
        "import sys, pathlib, numpy; from heirloom.vision.runtime import Runtime; runtime = Runtime('cuda');"
        "runtime.network(pathlib.Path(sys.argv[1])).run(numpy.zeros((1, 150, 150, 3), numpy.uint8));"
        "print(runtime.device)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(graphs[1])],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.stdout.splitlines()[-1], told.returncode) == ("cpu", 0), told.stderr
    assert "CUDA was asked for, but its provider did not load" in told.stderr
