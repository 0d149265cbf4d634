"""What the runtime counts, as Prometheus reads it.

A registry of each runtime's own: the vision process has no address for Prometheus to ask. What it counts travels as
text with its status, and /metrics of the web passes it on.
"""

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest

from heirloom.vision.batching import BATCHES

PREFIX = "heirloom_vision"
WAITS_S = (0.0001, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
_MIB = 1 << 20

IDLE, ROOM, RETRIED, CLOSED = "idle", "room", "retried", "closed"
"""Why a model was unloaded: nobody asked for it, another needed its memory, to try the GPU again, the end."""

NO_PROVIDER, DOES_NOT_FIT, OUT_OF_MEMORY = "no_provider", "does_not_fit", "out_of_memory"
"""Why a model runs on the CPU though CUDA was asked for."""


class Meters:
    """The counters of one runtime; safe to use from several threads."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        model, registry = ["model"], self._registry
        self.memory = Gauge(
            f"{PREFIX}_model_memory_bytes",
            "What the process, or the GPU, grew by when a model was loaded; loaded models only.",
            ["model", "device"],
            registry=registry,
        )
        self.load_seconds = Summary(f"{PREFIX}_model_load_seconds", "Time to load a model.", model, registry=registry)
        self.unloads = Counter(
            f"{PREFIX}_model_unloads",
            "Unloads: idle, room (another model needed the memory), retried (to try the GPU again), closed.",
            ["model", "reason"],
            registry=registry,
        )
        self.batch = Histogram(
            f"{PREFIX}_batch_size", "Faces, or pictures, of one run.", model, buckets=BATCHES, registry=registry
        )
        self.batch_wait = Histogram(
            f"{PREFIX}_batch_wait_seconds",
            "How long a call waited for others to share its run.",
            model,
            buckets=WAITS_S,
            registry=registry,
        )
        self.queue_wait = Histogram(
            f"{PREFIX}_queue_wait_seconds",
            "How long an analysis waited for its turn.",
            buckets=WAITS_S,
            registry=registry,
        )
        self.cuts = Counter(
            f"{PREFIX}_out_of_memory_cuts", "Batches cut smaller for want of memory.", model, registry=registry
        )
        self.cpu_fallbacks = Counter(
            f"{PREFIX}_cpu_fallbacks",
            "Models that went to the CPU though CUDA was asked for: no_provider, does_not_fit, out_of_memory.",
            ["model", "reason"],
            registry=registry,
        )
        self.device = Gauge(f"{PREFIX}_device", "1: where models run.", ["wanted", "device"], registry=registry)
        self.vram_limit = Gauge(f"{PREFIX}_vram_limit_bytes", "VRAM_LIMIT_MB; 0: no limit.", registry=registry)
        self.vram_granted = Gauge(
            f"{PREFIX}_vram_granted_bytes", "What the loaded models may take of the limit.", registry=registry
        )
        self.vram_used = Gauge(
            f"{PREFIX}_vram_used_bytes", "The GPU's memory in use, by all processes; NaN: unknown.", registry=registry
        )

    def loaded(self, path: Path, device: str, memory_mb: float, seconds: float) -> None:
        """Note a load; memory_mb: what all sessions of the graph on this device grew it by."""
        self.memory.labels(path.stem, device).set(round(memory_mb * _MIB))
        self.load_seconds.labels(path.stem).observe(seconds)

    def unloaded(self, path: Path, device: str, memory_mb: float | None, reason: str) -> None:
        """Note an unload; memory_mb: of the graph's sessions that stay on this device, None where none does."""
        if memory_mb is None:
            self.memory.remove(path.stem, device)
        else:
            self.memory.labels(path.stem, device).set(round(memory_mb * _MIB))
        self.unloads.labels(path.stem, reason).inc()

    def text(self) -> str:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry).decode()
