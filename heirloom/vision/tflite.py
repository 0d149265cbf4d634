"""TensorFlow Lite files, read: flatbuffers of `tensorflow/lite/schema/schema.fbs`, version 3, and of it what is used.

A flatbuffer's table begins with where its vtable lies; that holds, field by field in the order of the schema, how far
into the table each value stands, 0 for one that was left at its default (flatbuffers.dev, "Internals").
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA_VERSION = 3
IDENTIFIER = b"TFL3"


class Operator(IntEnum):
    """Those of `BuiltinOperator` that the files here are made of."""

    ADD = 0
    AVERAGE_POOL_2D = 1
    CONCATENATION = 2
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEQUANTIZE = 6
    FULLY_CONNECTED = 9
    MAX_POOL_2D = 17
    MUL = 18
    RELU = 19
    RESHAPE = 22
    SUB = 41
    STRIDED_SLICE = 45
    CAST = 53
    LESS = 58
    LEAKY_RELU = 98
    ABS = 101
    GREATER_EQUAL = 62


_TYPES: Mapping[int, np.dtype[Any]] = {0: np.dtype("<f4"), 1: np.dtype("<f2"), 2: np.dtype("<i4"), 6: np.dtype("?")}
"""Of `TensorType`."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a flatbuffer; `field` counts as the schema lists them."""

    data: bytes
    at: int

    def number(self, field: int, kind: str = "<i4", default: float = 0) -> Any:
        place = self._place(field)
        return default if place is None else self._read(place, kind)

    def array(self, field: int, kind: str = "<i4") -> NDArray[Any]:
        place = self._place(field)
        if place is None:
            return np.zeros(0, kind)
        start = self._followed(place)
        return np.frombuffer(self.data, kind, self._read(start), start + 4)

    def table(self, field: int) -> "Table":
        """Return the table that a field points to; where it points to none, one whose fields are at their defaults."""
        place = self._place(field)
        return Table(b"\4\0\4\0\4\0\0\0", 4) if place is None else Table(self.data, self._followed(place))

    def tables(self, field: int) -> "tuple[Table, ...]":
        place = self._place(field)
        if place is None:
            return ()
        start = self._followed(place)
        ends = range(start + 4, start + 4 + 4 * self._read(start), 4)
        return tuple(Table(self.data, self._followed(each)) for each in ends)

    def _place(self, field: int) -> int | None:
        vtable = self.at - self._read(self.at)
        if 4 + 2 * field >= self._read(vtable, "<u2"):
            return None
        offset = self._read(vtable + 4 + 2 * field, "<u2")
        return self.at + offset if offset else None

    def _followed(self, place: int) -> int:
        return place + int(self._read(place, "<u4"))

    def _read(self, place: int, kind: str = "<i4") -> Any:
        return np.frombuffer(self.data, kind, 1, place)[0].item()


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """value: of a constant, None for what is computed. The first side is the batch, channels come last."""

    name: str
    shape: tuple[int, ...]
    type: np.dtype[Any]
    value: NDArray[Any] | None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operator at work. options: its own table of the schema."""

    operator: Operator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The one graph of a file. inputs and outputs, here and in steps, number its tensors; steps stand in order."""

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    steps: tuple[Step, ...]


def read(data: bytes) -> Network:
    """Return the network of a TensorFlow Lite file.

    Raises ValueError for bytes that are none, for an operator or a type that is not known here, and for several graphs.
    """
    if data[4:8] != IDENTIFIER:
        raise ValueError("these bytes are no TensorFlow Lite file")
    model = Table(data, int.from_bytes(data[:4], "little"))
    if model.number(0) != SCHEMA_VERSION or len(model.tables(2)) != 1:
        raise ValueError(f"only files of schema version {SCHEMA_VERSION} with one graph are read")
    codes = tuple(Operator(max(code.number(0, "<i1"), code.number(3))) for code in model.tables(1))
    buffers, (graph,) = model.tables(4), model.tables(2)
    return Network(
        tuple(_tensor(each, buffers) for each in graph.tables(0)),
        tuple(graph.array(1).tolist()),
        tuple(graph.array(2).tolist()),
        tuple(_steps(graph.tables(3), codes)),
    )


def _tensor(table: Table, buffers: tuple[Table, ...]) -> Tensor:
    kind = table.number(1, "<i1")
    if kind not in _TYPES:
        raise ValueError(f"tensors of type {kind} are not known here")
    shape, held = tuple(table.array(0).tolist()), buffers[table.number(2, "<u4")].array(0, "u1")
    value = held.view(_TYPES[kind]).reshape(shape) if held.size else None
    return Tensor(table.array(3, "u1").tobytes().decode(), shape, _TYPES[kind], value)


def _steps(tables: tuple[Table, ...], codes: tuple[Operator, ...]) -> Iterator[Step]:
    for each in tables:
        inputs, outputs = (tuple(each.array(field).tolist()) for field in (1, 2))
        yield Step(codes[each.number(0, "<u4")], inputs, outputs, each.table(4))
