"""How a graph is opened in ONNX Runtime: on which device, within which memory, and what its failures mean."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

CPU, CUDA = "cpu", "cuda"
PROVIDERS = {CPU: "CPUExecutionProvider", CUDA: "CUDAExecutionProvider"}

_MIB = 1 << 20

_OUT_OF_MEMORY = re.compile(
    r"BFCArena::AllocateRawInternal.*(Failed to allocate memory for requested buffer of size \d+"
    r"|Available memory of \d+ is smaller than requested bytes of \d+)"
    r"|CUDA failure 2: out of memory"
    r"|CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED"
    r"|CUDNN failure \d+: CUDNN_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)",
    re.DOTALL,
)
"""What ONNX Runtime says when memory is short: its arena (bfc_arena.cc: the system's memory, or the arena's own limit,
is spent) and CUDA's libraries (cuda_call.cc prints "<library> failure <number>: <text>")."""


class Session(Protocol):
    """What the runtime asks of an open graph; `onnxruntime.InferenceSession` is one."""

    def get_inputs(self) -> list[Any]: ...

    def get_outputs(self) -> list[Any]: ...

    def run(self, output_names: None, input_feed: dict[str, Any]) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """An open graph, and the device it runs on in fact: CPU or CUDA."""

    session: Session
    device: str


class Opener(Protocol):
    """Opens a graph. limit_mb: the most device memory it may take; 0: no limit. The CPU knows no limit."""

    def __call__(self, path: Path, device: str, limit_mb: float) -> Opened: ...


class OrtOpener:
    """Opens graphs in ONNX Runtime. threads: of one running graph on the CPU; 0 leaves it to ONNX Runtime."""

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads

    def __call__(self, path: Path, device: str, limit_mb: float) -> Opened:
        """Open on the device asked for, or on the CPU where its provider does not load."""
        wanted: list[tuple[str, dict[str, str]]] = [(PROVIDERS[CPU], {})]
        if device == CUDA and PROVIDERS[CUDA] in ort.get_available_providers():
            wanted.insert(0, (PROVIDERS[CUDA], cuda_options(limit_mb)))
        session = ort.InferenceSession(str(path), session_options(self._threads), providers=wanted)
        return Opened(session, CUDA if session.get_providers()[0] == PROVIDERS[CUDA] else CPU)


def session_options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A plan of memory is kept for every shape seen, and pictures have many; without plans memory stays flat.
    options.enable_mem_pattern = False
    # Spinning threads take the cores from the other processes of a shared machine, and double each run there.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what fails is raised; a failed allocation is retried, and no error yet
    return options


def cuda_options(limit_mb: float) -> dict[str, str]:
    """Return the CUDA provider's options.

    The arena takes what is asked for and not twice as much; convolutions are chosen by rule, for trying them all out
    takes seconds for each shape and memory for each trial. Within a limit they keep to small workspaces (the
    maintainers' advice in github.com/microsoft/onnxruntime/issues/16307).
    """
    options = {
        "device_id": "0",
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
    }
    if limit_mb:
        options |= {"gpu_mem_limit": str(round(limit_mb * _MIB)), "cudnn_conv_use_max_workspace": "0"}
    return options


def out_of_memory(error: BaseException) -> bool:
    """Return whether a load or a run failed for want of memory, and for nothing else."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, Fail | RuntimeException) and _OUT_OF_MEMORY.search(str(error)) is not None


def find_cuda_libraries() -> None:
    """Let ONNX Runtime find the CUDA libraries that came as Python packages, where its build can."""
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
