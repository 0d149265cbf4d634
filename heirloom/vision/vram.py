"""The memory of the GPU: how much is in use, as its driver tells (NVML), and how much a graph may take."""

import contextlib
import ctypes
import math
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OUTSIDE_MB = 512.0
"""Kept free of the limit for CUDA's context and the libraries' code."""

HANDLES_MB = 96.0
"""What a session holds outside its arena: its own handles of cuBLAS and cuDNN. On an H100 with CUDA 13 each session of
the descriptor grew the GPU's memory by 106 MiB (`model_memory_bytes`), 22 of them weights."""

WORKSPACE_MB, WORKSPACE_SHARE = 256.0, 1 / 8
"""What a graph may take beside its weights: this share of what the limit leaves, and no less than this much.
Too little costs speed and nothing else, for a batch that does not fit is cut in half."""

WEIGHTS_FACTOR = 1.25
"""Weights in memory over weights in the file: alignment, and copies in the layout that a kernel asks for."""

_MIB = 1 << 20
_LIBRARY = "libnvidia-ml.so.1"
_SUCCESS = 0


class _Memory(ctypes.Structure):
    """nvmlMemory_t of nvml.h: bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


@dataclass(frozen=True, slots=True)
class Budget:
    """What all graphs may take of the GPU together. limit_mb: as configured, 0: no limit."""

    limit_mb: float

    @property
    def usable_mb(self) -> float:
        return self.limit_mb - OUTSIDE_MB if self.limit_mb else math.inf

    def arena_mb(self, path: Path) -> float:
        """Return what a session's arena may take: its weights, those beside it in a `.data` file, and room to work in.

        0 where there is no limit.
        """
        if not self.limit_mb:
            return 0.0
        files = (path, path.with_name(f"{path.name}.data"))
        weights_mb = sum(each.stat().st_size for each in files if each.is_file()) / _MIB
        return WEIGHTS_FACTOR * weights_mb + max(WORKSPACE_MB, WORKSPACE_SHARE * self.usable_mb)

    def need_mb(self, path: Path) -> float:
        """Return what a session is granted: its arena and what it holds beside it; 0 where there is no limit."""
        return self.arena_mb(path) + HANDLES_MB if self.limit_mb else 0.0


@dataclass(frozen=True, slots=True)
class Vram:
    """The memory of the first GPU that CUDA shows this process, whoever uses it."""

    total_bytes: int
    used_bytes: int


def vram() -> Vram | None:
    """Return the GPU's memory, or None where there is no GPU or no driver."""
    library = _library()
    if library is None:
        return None
    card, memory = ctypes.c_void_p(), _Memory()
    if _handle(library, card) != _SUCCESS or library.nvmlDeviceGetMemoryInfo(card, ctypes.byref(memory)) != _SUCCESS:
        return None
    return Vram(memory.total, memory.used)


@cache
def _library() -> ctypes.CDLL | None:
    with contextlib.suppress(OSError):
        library = ctypes.CDLL(_LIBRARY)
        if library.nvmlInit_v2() == _SUCCESS:
            return library
    return None


def _handle(library: ctypes.CDLL, card: ctypes.c_void_p) -> int:
    """Find the card by what CUDA was told to show: its number or its name; NVML itself knows nothing of that."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if first.startswith("GPU-"):
        return int(library.nvmlDeviceGetHandleByUUID(first.encode(), ctypes.byref(card)))
    number = ctypes.c_uint(int(first) if first.isdigit() else 0)
    return int(library.nvmlDeviceGetHandleByIndex_v2(number, ctypes.byref(card)))
