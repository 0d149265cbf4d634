"""How concurrent calls share runs of a graph, and the few shapes that a device is shown."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], ...]
"""Inputs or outputs of a graph; the first axis of each counts the rows of a batch."""

BATCHES = (1, 4, 16, 64)
"""The batch sizes of a device with fixed shapes, and those that a run is cut into when memory is short. Few: on a GPU
each is a session of its own."""

SIDES = (160, 320, 640, 1280)
"""The sides of a detector's square input on a device with fixed shapes; beyond, the next multiple of the last."""


RUN_BYTES = 64 << 20
"""What one run carries at most: more gains nothing, and filling a batch of large pictures up costs time."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How runs are shaped on a device.

    wait_s: the longest that a call waits for others to share its run, and only while another run is under way;
    0: calls never share. fixed_shapes: batches are filled up to BATCHES, detector inputs to SIDES. most: rows of a run.
    """

    wait_s: float
    fixed_shapes: bool
    most: int = BATCHES[-1]


def batch_of(rows: int) -> int:
    """Return the smallest of BATCHES that holds so many rows; the largest where none does."""
    return next((size for size in BATCHES if size >= rows), BATCHES[-1])


def smaller(rows: int) -> int:
    """Return the largest of BATCHES under so many rows; 0 where there is none."""
    return max((size for size in BATCHES if size < rows), default=0)


def carried(arrays: Arrays) -> int:
    """Return how many rows like these one run carries: the largest of BATCHES within RUN_BYTES, and one at least."""
    row_bytes = sum(each.nbytes for each in arrays) // max(1, len(arrays[0]))
    return max((size for size in BATCHES if size * row_bytes <= RUN_BYTES), default=1)


def side_of(pixels: int) -> int:
    """Return the smallest of SIDES that holds so many pixels."""
    return next((side for side in SIDES if side >= pixels), -(-pixels // SIDES[-1]) * SIDES[-1])


def filled(arrays: Arrays, rows: int) -> Arrays:
    """Return the arrays with their last row repeated until there are so many rows."""
    missing = rows - len(arrays[0])
    if missing <= 0:
        return arrays
    return tuple(np.concatenate([each, np.repeat(each[-1:], missing, axis=0)]) for each in arrays)


def parts(arrays: Arrays, most: int) -> Iterator[Arrays]:
    """Yield the arrays in consecutive parts of at most `most` rows."""
    for start in range(0, len(arrays[0]), most):
        yield tuple(each[start : start + most] for each in arrays)


def joined(results: Sequence[Arrays]) -> Arrays:
    """Return the outputs of consecutive parts as one."""
    if len(results) == 1:
        return results[0]
    return tuple(np.concatenate(each) for each in zip(*results, strict=True))


@dataclass(slots=True, eq=False)
class _Call:
    inputs: Arrays
    since: float = field(default_factory=time.monotonic)
    outputs: Future[Arrays] = field(default_factory=Future)
    taken: bool = False


@dataclass(slots=True)
class _Lane:
    """The calls of one shape."""

    waiting: list[_Call] = field(default_factory=list)
    running: int = 0

    @property
    def rows(self) -> int:
        return sum(len(call.inputs[0]) for call in self.waiting)

    def take(self, first: _Call, most: int) -> list[_Call]:
        """Take this call and those that wait the longest, as many as fit beside it."""
        rows, taken = len(first.inputs[0]), [first]
        for call in self.waiting:
            if call is not first and rows + len(call.inputs[0]) <= most:
                rows += len(call.inputs[0])
                taken.append(call)
        self.waiting = [call for call in self.waiting if call not in taken]
        for call in taken:
            call.taken = True
        return taken


class Gatherer:
    """Lets concurrent calls of the same shapes share a run.

    A call that finds no run under way runs at once. One that does waits until that run ends, until a full batch waits,
    or until `wait_s` has passed, and then runs all that waits, whichever call comes first doing it for the others.
    """

    def __init__(
        self, run: Callable[[Arrays], Arrays], policy: Policy, waited: Callable[[float], object] = lambda _: None
    ) -> None:
        self._run, self._policy, self._waited = run, policy, waited
        self._changed = threading.Condition()
        self._lanes: dict[object, _Lane] = {}

    def __call__(self, inputs: Arrays) -> Arrays:
        """Return what `run` returns for these inputs, alone or among others."""
        call = _Call(inputs)
        shape = tuple((each.shape[1:], each.dtype) for each in inputs)
        with self._changed:
            lane = self._lanes.setdefault(shape, _Lane())
            lane.waiting.append(call)
            self._changed.notify_all()
            self._changed.wait_for(lambda: call.taken or self._due(lane), self._policy.wait_s)
            taken = [] if call.taken else lane.take(call, self._policy.most)
            if taken:
                lane.running += 1
                self._changed.notify_all()
        if taken:
            self._run_for(taken)
            with self._changed:
                lane.running -= 1
                if not lane.running and not lane.waiting:
                    self._lanes.pop(shape, None)
                self._changed.notify_all()
        return call.outputs.result()

    def _due(self, lane: _Lane) -> bool:
        return lane.running == 0 or lane.rows >= self._policy.most

    def _run_for(self, calls: list[_Call]) -> None:
        now = time.monotonic()
        for call in calls:
            self._waited(now - call.since)
        try:
            outputs = self._run(joined([call.inputs for call in calls]))
        except BaseException as error:  # noqa: BLE001 - every caller gets it, this thread's own included
            for call in calls:
                call.outputs.set_exception(error)
            return
        start = 0
        for call in calls:
            end = start + len(call.inputs[0])
            call.outputs.set_result(tuple(each[start:end] for each in outputs))
            start = end
