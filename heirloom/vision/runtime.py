"""The one owner of ONNX Runtime sessions in a process: what is loaded, on which device, and for how long."""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from heirloom.vision.types import Floats

logger = logging.getLogger(__name__)

CPU, CUDA = "cpu", "cuda"
_PROVIDERS = {CPU: "CPUExecutionProvider", CUDA: "CUDAExecutionProvider"}


class Network:
    """One loaded graph with one input; safe to run from several threads at once."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self.input_shape: tuple[int | str | None, ...] = tuple(session.get_inputs()[0].shape)
        self.output_shape: tuple[int | str | None, ...] = tuple(session.get_outputs()[0].shape)
        self.output_names: tuple[str, ...] = tuple(each.name for each in session.get_outputs())

    @property
    def on_cuda(self) -> bool:
        return bool(self._session.get_providers()[0] == _PROVIDERS[CUDA])

    def run(self, values: NDArray[Any]) -> Floats:
        """Return the graph's first output for one input."""
        return self.outputs(values)[0]

    def outputs(self, values: NDArray[Any]) -> tuple[Floats, ...]:
        """Return all of the graph's outputs for one input, in the order of `output_names`."""
        return tuple(self._session.run(None, {self._input: values}))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A graph that is in memory, and how long it took to get there."""

    path: Path
    seconds: float
    device: str


class Runtime:
    """Loads each graph once and keeps it until `close`.

    wanted: "cpu" or "cuda". threads: per running graph on the CPU; 0 leaves it to ONNX Runtime.
    When CUDA is wanted but its provider does not load, graphs run on the CPU, one warning is logged, `device` says so,
    and it is not asked for again.
    """

    def __init__(self, wanted: str = CPU, threads: int = 0) -> None:
        if wanted not in _PROVIDERS:
            raise ValueError(f"device must be one of {sorted(_PROVIDERS)}, got {wanted!r}")
        self.wanted = wanted
        self._threads = threads
        self._lock = threading.Lock()
        self._networks: dict[Path, Network] = {}
        self._loaded: list[Loaded] = []
        self._cuda_failed = False
        if wanted == CUDA:
            _find_cuda_libraries()

    @property
    def device(self) -> str:
        """Where graphs run in fact: "cuda:0" once the first of them is loaded there, else "cpu"."""
        return "cuda:0" if any(network.on_cuda for network in self._networks.values()) else CPU

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        return tuple(self._loaded)

    def network(self, path: Path) -> Network:
        """Return the graph of this file, loading it on first use."""
        with self._lock:
            if path not in self._networks:
                self._networks[path] = self._load(path)
            return self._networks[path]

    def close(self) -> None:
        """Let go of every graph. A later `network` loads anew."""
        with self._lock:
            self._networks.clear()
            self._loaded.clear()

    def _load(self, path: Path) -> Network:
        started = time.perf_counter()
        network = Network(self._session(path))
        if self.wanted == CUDA and not network.on_cuda and not self._cuda_failed:
            self._cuda_failed = True
            logger.warning("CUDA was asked for, but its provider did not load; graphs run on the CPU")
        seconds = time.perf_counter() - started
        self._loaded.append(Loaded(path, seconds, "cuda:0" if network.on_cuda else CPU))
        logger.info("loaded %s in %.2f s", path.name, seconds)
        return network

    def _session(self, path: Path) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Spinning threads take the cores from the other processes of a shared machine, and double each run there.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # exporters leave harmless warnings behind; errors are still raised
        wanted = [CUDA, CPU] if self.wanted == CUDA and not self._cuda_failed else [CPU]
        offered = ort.get_available_providers()
        providers = [_PROVIDERS[name] for name in wanted if _PROVIDERS[name] in offered]
        return ort.InferenceSession(str(path), options, providers=providers)


def _find_cuda_libraries() -> None:
    """Let ONNX Runtime find the CUDA libraries that came as Python packages, where its build can."""
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
