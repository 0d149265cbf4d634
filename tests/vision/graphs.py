"""Small graphs, openers that stand for a GPU, and what a runtime counted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from prometheus_client.parser import text_string_to_metric_families

from heirloom.vision.runtime import Runtime
from heirloom.vision.sessions import CPU, CUDA, Opened, OrtOpener, session_options

ARENA_MB = 24


def doubling(path: Path, rows: int | str = "n", weights: int = 4) -> Path:
    """Write a graph that returns twice its rows of `weights` numbers, and the sum of each row."""
    twice = numpy_helper.from_array(np.full(weights, 2, np.float32), "twice")
    nodes = [helper.make_node("Mul", ["x", "twice"], ["y"]), helper.make_node("ReduceSum", ["x", "axes"], ["total"])]
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, weights]) for name in ("x", "y")]
    total = helper.make_tensor_value_info("total", TensorProto.FLOAT, [rows, 1])
    graph = helper.make_graph(nodes, "doubling", values[:1], [values[1], total], [twice, axes])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


class Noted:
    """A session that notes the shapes it is shown, its own and those of all that share the note."""

    def __init__(self, session: ort.InferenceSession, shown: list[dict[str, tuple[int, ...]]]) -> None:
        self._session, self._all = session, shown
        self.own: list[dict[str, tuple[int, ...]]] = []
        self.get_inputs, self.get_outputs = session.get_inputs, session.get_outputs

    def run(self, names: None, feed: dict[str, Any]) -> list[Any]:
        shapes = {name: value.shape for name, value in feed.items()}
        self._all.append(shapes)
        self.own.append(shapes)
        return list(self._session.run(names, feed))


class Gpu:
    """Opens graphs on the CPU and says it is the GPU. before: called ahead of every load there.

    limits: what each load was told it may take. shown: the shapes of every run, in order; sessions: all ever opened.
    """

    def __init__(self, before: Callable[[Path], object] = lambda _: None) -> None:
        self._before = before
        self._cpu = OrtOpener(threads=1)
        self.limits: list[float] = []
        self.shown: list[dict[str, tuple[int, ...]]] = []
        self.sessions: list[Noted] = []

    def __call__(self, path: Path, device: str, limit_mb: float) -> Opened:
        if device == CPU:
            return self._cpu(path, CPU, 0)
        self._before(path)
        self.limits.append(limit_mb)
        self.sessions.append(Noted(self._session(path), self.shown))
        return Opened(self.sessions[-1], CUDA)

    def _session(self, path: Path) -> ort.InferenceSession:
        return ort.InferenceSession(str(path), session_options(1), providers=["CPUExecutionProvider"])


class SmallGpu(Gpu):
    """A GPU whose sessions share ONNX Runtime's own arena of ARENA_MB; what is beyond fails as it does on a real one.

    The arena can be registered once in a process only; other sessions do not use it.
    """

    _registered = False

    def _session(self, path: Path) -> ort.InferenceSession:
        if not SmallGpu._registered:
            kind = ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR
            where = ort.OrtMemoryInfo("Cpu", kind, 0, ort.OrtMemType.DEFAULT)
            ort.create_and_register_allocator(where, ort.OrtArenaCfg(ARENA_MB << 20, 1, -1, -1))
            SmallGpu._registered = True
        options = session_options(1)
        options.add_session_config_entry("session.use_env_allocators", "1")
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def counted(runtime: Runtime, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that bear these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(runtime.metrics())
        for sample in family.samples
        if sample.name == f"heirloom_vision_{name}" and labels.items() <= sample.labels.items()
    )
