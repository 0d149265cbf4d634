"""Graphs that are written anew from published weights: whole or not at all, and free in size where they can be."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from heirloom.vision import catalog
from heirloom.vision.graph_speed import quicker
from heirloom.vision.tflite_graphs import converted

_FREE = ("n", "h", "w")

CHANNELS = 3
GRAPH_VERSION = 1
"""Raised whenever the layout of a written graph changes, so that an old file is not taken for a new one."""

Change = Callable[[onnx.ModelProto], onnx.ModelProto]


def rewritten(name: str, models_dir: Path, change: Change) -> Path:
    """Return where a changed copy of a graph of the catalog lies, writing it first where it is missing.

    Raises Refusal "weights_missing" or "weights_altered".
    """
    return _prepared(name, models_dir, lambda source: change(onnx.load(source)))


def converted_copy(name: str, models_dir: Path) -> Path:
    """Return a TensorFlow Lite file of the catalog as an ONNX graph with its batch open; raises as `rewritten` does."""
    return _prepared(name, models_dir, lambda source: quicker(converted(source.read_bytes())))


def freed_copy(name: str, models_dir: Path) -> Path:
    """Return a graph of the catalog with its batch, height and width open; raises as `rewritten` does."""
    return rewritten(name, models_dir, freed)


def _prepared(name: str, models_dir: Path, make: Callable[[Path], onnx.ModelProto]) -> Path:
    source = catalog.checked(name, models_dir)
    target = models_dir / f"{source.stem}-{catalog.file_sha256(source)[:12]}-v{GRAPH_VERSION}.onnx"
    if not target.is_file():
        write_whole(target, make(source).SerializeToString())
    return target


def write_whole(target: Path, data: bytes) -> None:
    """Write so that no other process ever sees half a file under its final name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(partial).unlink()


def freed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with its batch, height and width open, where it was exported for one picture of one size.

    It must be convolutional throughout: only its input's shape and the leading 1 of its reshapes are opened.
    """
    graph = model.graph
    sides = graph.input[0].type.tensor_type.shape.dim
    channels = next(place for place, side in enumerate(sides) if side.dim_value == CHANNELS and place > 0)
    for name, side in zip(_FREE, (side for place, side in enumerate(sides) if place != channels), strict=True):
        side.dim_param = name
    for result in graph.output:
        for place, side in enumerate(result.type.tensor_type.shape.dim):
            side.Clear()
            if not place:
                side.dim_param = _FREE[0]
    return _rows_kept(model)


def rows_freed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with its batch open alone, where it was exported for one picture.

    It must treat every row by itself: only shapes of its inputs and outputs and the leading 1 of reshapes are opened.
    """
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = _FREE[0]
    return _rows_kept(model)


def _rows_kept(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = model.graph
    del graph.value_info[:]
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for constant in graph.initializer:
        if constant.name in shapes:
            shape = numpy_helper.to_array(constant).copy()
            # In a reshape, 0 means the same as in its input.
            shape[0] = 0 if shape[0] == 1 else shape[0]
            constant.CopyFrom(numpy_helper.from_array(shape, constant.name))
    return model


def taking_pictures(model: onnx.ModelProto, *, bgr: bool) -> onnx.ModelProto:
    """Return the graph with (n, h, w, 3) uint8 RGB pictures as its input, instead of float planes in 0..255.

    Bytes are a quarter of what has to be carried to a GPU.
    """
    graph, source = model.graph, model.graph.input[0].name
    planes = [helper.make_node("Transpose", ["pictures"], ["pictures_planes"], perm=[0, 3, 1, 2])]
    ordered = "pictures_planes"
    if bgr:
        graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), "pictures_order"))
        planes.append(helper.make_node("Gather", [ordered, "pictures_order"], ["pictures_bgr"], axis=1))
        ordered = "pictures_bgr"
    planes.append(helper.make_node("Cast", [ordered], [source], to=TensorProto.FLOAT))
    nodes = [*planes, *graph.node]
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info("pictures", TensorProto.UINT8, [*_FREE, 3]))
    return model
