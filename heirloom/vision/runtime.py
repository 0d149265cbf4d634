"""The one owner of ONNX Runtime sessions in a process: what is loaded, on which device, and for how long.

On a GPU each shape of a graph's inputs has a session of its own: whenever the shape changes, a session plans its
convolutions anew (github.com/microsoft/onnxruntime/issues/23006). On an H100 a batch of 64 descriptors took 58 ms after
one of another shape, and takes 2.5 ms in a session of its own (`python -m bench.run runtime-gpu`, before and after). So
there are few shapes.
"""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from heirloom.vision import meters
from heirloom.vision.batching import Policy
from heirloom.vision.meters import Meters
from heirloom.vision.network import Held, Network, Shape
from heirloom.vision.sessions import (
    CPU,
    CUDA,
    PROVIDERS,
    Opened,
    Opener,
    OrtOpener,
    find_cuda_libraries,
    out_of_memory,
)
from heirloom.vision.vram import Budget, vram

__all__ = ["CPU", "CUDA", "Network", "Runtime"]

logger = logging.getLogger(__name__)

POLICIES: Mapping[str, Policy] = {
    CPU: Policy(wait_s=0, fixed_shapes=False),
    CUDA: Policy(wait_s=0.010, fixed_shapes=True),
}
"""On the CPU sharing gains nothing, and fixed shapes cost time while its memory is flat without them
(`python -m bench.run runtime`). A GPU wants both."""

ROOM_WITHIN_S = 10.0
"""How long a load waits for networks that are in use before it goes to the CPU."""

TRY_AGAIN_S = 300.0
"""How long a network that ran out of the GPU's memory stays on the CPU."""

LOOK_EVERY_S = 30.0
"""How often, at the least, idle graphs are looked for."""

_WHY = {
    meters.NO_PROVIDER: "CUDA was asked for, but its provider did not load; graphs run on the CPU",
    meters.DOES_NOT_FIT: "it does not fit into VRAM_LIMIT_MB beside what is in use",
    meters.OUT_OF_MEMORY: "the GPU's memory is spent",
}
_MIB = 1 << 20

Key = tuple[Path, Shape | None]
"""A session: its graph, and the only shape of inputs that it is shown; None: any, or none yet."""


class Runtime:
    """Loads each graph on first use, keeps it within the GPU's limit, and unloads what nobody uses.

    wanted: "cpu" or "cuda". threads: per running graph on the CPU; 0 leaves it to ONNX Runtime. idle_unload_s: a graph
    that was not used for so long is unloaded, and loaded again by the next run; 0: never. vram_limit_mb: what all
    graphs may take of the GPU, 0: no limit; the least recently used make room for another. opener: opens the graphs.
    A graph that cannot run on the GPU runs on the CPU: a warning is logged, and it is counted.
    """

    def __init__(
        self,
        wanted: str = CPU,
        threads: int = 0,
        *,
        idle_unload_s: float = 0.0,
        vram_limit_mb: float = 0.0,
        opener: Opener | None = None,
        policies: Mapping[str, Policy] = POLICIES,
    ) -> None:
        if wanted not in PROVIDERS:
            raise ValueError(f"device must be one of {sorted(PROVIDERS)}, got {wanted!r}")
        self.wanted, self.policies, self.meters = wanted, policies, Meters()
        self._open = opener or OrtOpener(threads)
        self._idle_unload_s, self._budget = idle_unload_s, Budget(vram_limit_mb)
        self._table = threading.Condition()
        self._loading = threading.Lock()
        self._networks: dict[Path, Network] = {}
        self._held: dict[Key, Held] = {}
        self._on_cpu_until: dict[Path, float] = {}
        self._device = CPU
        self._cuda_failed = False
        self._watched_until: threading.Event | None = None
        if wanted == CUDA:
            find_cuda_libraries()

    @property
    def device(self) -> str:
        """Where graphs run in fact: "cuda:0" once the first of them is loaded there, else "cpu"."""
        return _named(self._device)

    @property
    def loaded(self) -> tuple[Path, ...]:
        """The graph of each session that is in memory now, the least recently used first."""
        with self._table:
            return tuple(path for path, _ in sorted(self._held, key=lambda key: self._held[key].used_at))

    @property
    def granted_mb(self) -> float:
        """What the loaded graphs may take of the GPU, all together."""
        with self._table:
            return sum(held.granted_mb for held in self._held.values())

    def network(self, path: Path) -> Network:
        """Return the graph of this file, loading it on first use."""
        with self._table:
            known = self._networks.get(path)
        if known is not None:
            return known
        with self.borrowed(path) as held:
            made = Network(self, path, held.session)
        with self._table:
            return self._networks.setdefault(path, made)

    def policy_of(self, path: Path) -> Policy:
        """Return how runs of a graph are shaped on the device where it is, or will be loaded."""
        with self._table:
            held = next((held for _, held in self._of(path)), None)
            if held is not None:
                return self.policies[held.device]
            return self.policies[CPU if path in self._on_cpu_until else self._device]

    @contextlib.contextmanager
    def borrowed(self, path: Path, shape: Shape | None = None) -> Iterator[Held]:
        """Lend a graph's session, loading it where it is not; it is not unloaded before it is given back.

        shape: what the session will be shown; where that makes no difference, it is one for all shapes.
        """
        with self._table:
            held = self._taken(path, shape)
        if held is None:
            held = self._load(path, shape)
        try:
            yield held
        finally:
            with self._table:
                held.in_use -= 1
                held.used_at = time.monotonic()
                self._table.notify_all()

    def leave_gpu(self, path: Path) -> None:
        """Let a graph run on the CPU for some minutes: not even one row of it fits into the GPU's memory."""
        with self._table:
            if path not in self._on_cpu_until:
                self._fall_back(path, meters.OUT_OF_MEMORY, TRY_AGAIN_S)

    def make_room_for(self, path: Path, shape: Shape) -> bool:
        """Unload another session that nobody uses now; False where none is, or where it would be of no use.

        Under a limit each session has a part of its own, so that others take nothing from it.
        """
        return not self._budget.limit_mb and self._unload_oldest(but=(path, shape))

    def let_go(self, path: Path, shape: Shape) -> None:
        """Unload a session of a shape that does not fit in memory, once nobody uses it."""
        with self._table:
            held = self._held.get((path, shape))
            if held is not None and not held.in_use:
                self._unload((path, shape), meters.ROOM)

    def unload_idle(self) -> None:
        """Unload what nobody has used for `idle_unload_s`."""
        oldest = time.monotonic() - self._idle_unload_s
        with self._table:
            idle = [key for key, held in self._held.items() if not held.in_use and held.used_at <= oldest]
            for key in idle:
                self._unload(key, meters.IDLE)

    def close(self) -> None:
        """Let go of every graph. A later `network` loads anew."""
        until, self._watched_until = self._watched_until, None
        if until is not None:
            until.set()
        with self._table:
            self._networks.clear()
            for key in list(self._held):
                self._unload(key, meters.CLOSED)

    def metrics(self) -> str:
        """Return what is counted here in Prometheus's text format."""
        card = vram()
        with self._table:
            self.meters.device.clear()
            self.meters.device.labels(self.wanted, self.device).set(1)
            self.meters.vram_limit.set(self._budget.limit_mb * _MIB)
            self.meters.vram_granted.set(self.granted_mb * _MIB)
            self.meters.vram_used.set(math.nan if card is None else card.used_bytes)
            return self.meters.text()

    def _of(self, path: Path) -> list[tuple[Key, Held]]:
        """The sessions of a graph."""
        return [(key, held) for key, held in self._held.items() if key[0] == path]

    def _taken(self, path: Path, shape: Shape | None) -> Held | None:
        """Borrow a session that is loaded where it should be: the one of this shape, or one that knows none yet."""
        for key in ((path, shape), (path, None)):
            held = self._held.get(key)
            if held is not None and not self._misplaced(path, held):
                if held.device == CUDA:
                    self._held[path, shape] = self._held.pop(key)
                held.in_use += 1
                return held
        return None

    def _misplaced(self, path: Path, held: Held) -> bool:
        """Whether it is on the GPU that it left, or on the CPU though the GPU is to be tried again."""
        until = self._on_cpu_until.get(path)
        return until is not None and (held.device == CUDA or until <= time.monotonic())

    def _load(self, path: Path, shape: Shape | None) -> Held:
        """Return a session as borrowed. One load at a time: each counts on what the others leave of the memory."""
        with self._loading:
            with self._table:
                held = self._taken(path, shape)
                if held is not None:
                    return held
                self._make_way(path)
            return self._opened(path, shape)

    def _make_way(self, path: Path) -> None:
        """Unload a graph from the device that it is to leave, once nobody uses it there."""
        leaving = {key: held for key, held in self._of(path) if self._misplaced(path, held)}
        self._table.wait_for(lambda: not any(held.in_use for held in leaving.values()))
        for key in leaving.keys() & self._held.keys():
            self._unload(key, meters.RETRIED)
        if self._on_cpu_until.get(path, math.inf) <= time.monotonic():
            del self._on_cpu_until[path]

    def _opened(self, path: Path, shape: Shape | None) -> Held:
        before, started = _memory_mb(), time.perf_counter()
        held = self._open_where_it_fits(path)
        seconds = time.perf_counter() - started
        after, device = _memory_mb(), _named(held.device)
        grown_mb = after[held.device] - before[held.device]
        held.grown_mb = held.granted_mb if math.isnan(grown_mb) else max(0.0, grown_mb)
        with self._table:
            held.in_use = 1
            self._held[path, shape if held.device == CUDA else None] = held
            self._device = CUDA if any(each.device == CUDA for each in self._held.values()) else CPU
            self.meters.loaded(path, device, self._grown_mb(path, held.device) or 0.0, seconds)
        logger.info("loaded %s on %s in %.2f s", path.name, device, seconds)
        self._watch_idle()
        return held

    def _open_where_it_fits(self, path: Path) -> Held:
        if self.wanted == CUDA and path not in self._on_cpu_until:
            held = self._on_gpu(path)
            if held is not None:
                return held
        return Held(self._open(path, CPU, 0.0).session, CPU, 0.0)

    def _on_gpu(self, path: Path) -> Held | None:
        need_mb, arena_mb = self._budget.need_mb(path), self._budget.arena_mb(path)
        if self._cuda_failed:
            self._fall_back(path, meters.NO_PROVIDER, math.inf)
        elif not self._make_room(need_mb):
            never = need_mb > self._budget.usable_mb
            self._fall_back(path, meters.DOES_NOT_FIT, math.inf if never else TRY_AGAIN_S)
        elif (opened := self._tried_on_gpu(path, arena_mb)) is None:
            self._fall_back(path, meters.OUT_OF_MEMORY, TRY_AGAIN_S)
        elif opened.device == CPU:
            self._fall_back(path, meters.NO_PROVIDER, math.inf)
        else:
            return Held(opened.session, CUDA, need_mb)
        return None

    def _tried_on_gpu(self, path: Path, limit_mb: float) -> Opened | None:
        """Open there, unloading others for as long as memory is short; None where that does not help."""
        while True:
            try:
                return self._open(path, CUDA, limit_mb)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if not self._unload_oldest():
                    return None

    def _make_room(self, need_mb: float) -> bool:
        """Unload the least recently used until so much is free, waiting for those in use; False where it cannot be."""
        if need_mb > self._budget.usable_mb:
            return False
        with self._table:
            return self._table.wait_for(lambda: self._has_room(need_mb), ROOM_WITHIN_S)

    def _has_room(self, need_mb: float) -> bool:
        while self.granted_mb + need_mb > self._budget.usable_mb:
            if not self._unload_oldest():
                return False
        return True

    def _unload_oldest(self, but: Key | None = None) -> bool:
        """Unload what has been used the longest ago on the GPU and is not in use now; False where there is none."""
        with self._table:
            loaded = ((key, held) for key, held in self._held.items() if key != but)
            idle = {key: held.used_at for key, held in loaded if held.device == CUDA and not held.in_use}
            if not idle:
                return False
            self._unload(min(idle, key=idle.__getitem__), meters.ROOM)
            return True

    def _unload(self, key: Key, reason: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            path, device = key[0], held.device
            self.meters.unloaded(path, _named(device), self._grown_mb(path, device), reason)
            logger.info("unloaded %s (%s)", path.name, reason)

    def _grown_mb(self, path: Path, device: str) -> float | None:
        """What all sessions of a graph grew a device's memory by; None where it has none there."""
        grown = [held.grown_mb for _, held in self._of(path) if held.device == device]
        return sum(grown) if grown else None

    def _fall_back(self, path: Path, reason: str, seconds: float) -> None:
        with self._table:
            self._on_cpu_until[path] = time.monotonic() + seconds
        self.meters.cpu_fallbacks.labels(path.stem, reason).inc()
        if reason != meters.NO_PROVIDER:
            logger.warning("%s runs on the CPU: %s", path.name, _WHY[reason])
        elif not self._cuda_failed:
            self._cuda_failed = True
            logger.warning(_WHY[reason])

    def _watch_idle(self) -> None:
        """Look after idle graphs from now on; called under the lock of loads."""
        if self._idle_unload_s and self._watched_until is None:
            until = self._watched_until = threading.Event()
            threading.Thread(target=self._unload_now_and_then, args=(until,), name="idle models", daemon=True).start()

    def _unload_now_and_then(self, until: threading.Event) -> None:
        while not until.wait(min(self._idle_unload_s / 4, LOOK_EVERY_S)):
            self.unload_idle()


def _named(device: str) -> str:
    return "cuda:0" if device == CUDA else CPU


def _memory_mb() -> dict[str, float]:
    """What this process takes of the machine, and all processes of the GPU; NaN where the driver does not tell."""
    card = vram()
    used = math.nan if card is None else card.used_bytes / _MIB
    return {CPU: psutil.Process().memory_info().rss / _MIB, CUDA: used}
