"""A graph as the packs see it: batches in, batches out, whatever the device, its memory and other threads do."""

import logging
import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from heirloom.vision import batching
from heirloom.vision.batching import Arrays, Gatherer, Policy
from heirloom.vision.meters import Meters
from heirloom.vision.sessions import CPU, CUDA, Session, out_of_memory
from heirloom.vision.types import Floats

logger = logging.getLogger(__name__)


LEARNT_S = 300.0
"""How long a network that ran short of memory keeps to smaller batches before it tries a whole one again."""

Shape = tuple[tuple[int, ...], ...]
"""Of each input."""


@dataclass(slots=True, eq=False)
class Held:
    """A loaded graph. granted_mb: what it may take of the GPU; grown_mb: what its device's memory grew by."""

    session: Session
    device: str
    granted_mb: float
    grown_mb: float = 0.0
    in_use: int = 0
    used_at: float = field(default_factory=time.monotonic)


class Owner(Protocol):
    """What a network asks of the runtime that owns its session."""

    meters: Meters
    policies: Mapping[str, Policy]

    def policy_of(self, path: Path) -> Policy: ...

    def borrowed(self, path: Path, shape: Shape | None = None) -> AbstractContextManager[Held]: ...

    def make_room_for(self, path: Path, shape: Shape) -> bool: ...

    def let_go(self, path: Path, shape: Shape) -> None: ...

    def leave_gpu(self, path: Path) -> None: ...


class Network:
    """One graph of a runtime; safe to run from several threads at once, and loaded again where it was unloaded.

    input_shape, output_shape: of the first input and output; what is not fixed is a name.
    """

    def __init__(self, runtime: Owner, path: Path, session: Session) -> None:
        self._runtime, self._path = runtime, path
        self._inputs = [each.name for each in session.get_inputs()]
        self.input_shape: tuple[int | str | None, ...] = tuple(session.get_inputs()[0].shape)
        self.output_shape: tuple[int | str | None, ...] = tuple(session.get_outputs()[0].shape)
        self.output_names = tuple(each.name for each in session.get_outputs())
        self._fixed_rows = self.input_shape[0] if isinstance(self.input_shape[0], int) else 0
        self._by_rows = not self._fixed_rows and all(
            tuple(each.shape[:1]) == self.input_shape[:1] for each in session.get_outputs()
        )
        self._most: dict[Shape, tuple[int, float]] = {}
        wait = runtime.meters.batch_wait.labels(path.stem)
        self._gatherer = Gatherer(self._run, runtime.policies[CUDA], wait.observe)

    @property
    def fixed_shapes(self) -> bool:
        """Whether pictures of many sizes should be brought to a few before they come here."""
        return self._runtime.policy_of(self._path).fixed_shapes

    def run(self, *inputs: NDArray[Any]) -> Floats:
        """Return the graph's first output; see `outputs`."""
        result: Floats = self.outputs(*inputs)[0]
        return result

    def outputs(self, *inputs: NDArray[Any]) -> Arrays:
        """Return all outputs, in the order of `output_names`, for any number of rows.

        Where it pays, rows share runs with those of other threads; a graph must then say that it answers row by row.
        Raises what ONNX Runtime raises; memory is found short only where one row does not fit on the CPU.
        """
        if self._by_rows and self._runtime.policy_of(self._path).wait_s:
            return self._gatherer(inputs)
        return self._run(inputs)

    def _run(self, inputs: Arrays) -> Arrays:
        most = self._fixed_rows or min(self._runtime.policy_of(self._path).most, batching.carried(inputs))
        return batching.joined([self._part(part) for part in batching.parts(inputs, most)])

    def _part(self, inputs: Arrays) -> Arrays:
        """Run what fits at once; cut what does not into smaller runs, and leave the GPU where not even one row fits."""
        rows, row = len(inputs[0]), tuple(each.shape[1:] for each in inputs)
        most = self._fitting(row, rows)
        while rows <= most:
            shape = tuple((self._filled(rows, CUDA), *each) for each in row)
            with self._runtime.borrowed(self._path, shape) as held:
                try:
                    return self._once(held, inputs)
                except Exception as error:
                    if not out_of_memory(error) or (rows == 1 and held.device == CPU):
                        raise
            if held.device == CPU or not self._runtime.make_room_for(self._path, shape):
                most = self._learn(row, rows)
                if most:
                    self._runtime.let_go(self._path, shape)
        if not most:
            self._runtime.leave_gpu(self._path)
            return self._part(inputs)
        return batching.joined([self._part(part) for part in batching.parts(inputs, most)])

    def _fitting(self, row: Shape, rows: int) -> int:
        """Return how many rows of a shape fit in memory, as was learnt of late."""
        most, until = self._most.get(row, (rows, math.inf))
        return most if time.monotonic() < until else rows

    def _learn(self, row: Shape, rows: int) -> int:
        most = batching.smaller(rows)
        if most:
            self._most[row] = most, time.monotonic() + LEARNT_S
            self._runtime.meters.cuts.labels(self._path.stem).inc()
            logger.warning("%s: memory is short for a batch of %d; from now on %d", self._path.name, rows, most)
        return most

    def _filled(self, rows: int, device: str) -> int:
        """Return how many rows a device is shown for so many."""
        fixed = self._by_rows and self._runtime.policies[device].fixed_shapes
        return self._fixed_rows or (batching.batch_of(rows) if fixed else rows)

    def _once(self, held: Held, inputs: Arrays) -> Arrays:
        rows = len(inputs[0])
        wanted = self._filled(rows, held.device)
        feed = dict(zip(self._inputs, batching.filled(inputs, wanted), strict=True))
        outputs = held.session.run(None, feed)
        self._runtime.meters.batch.labels(self._path.stem).observe(rows)
        return tuple(each[:rows] for each in outputs) if wanted > rows else tuple(outputs)
