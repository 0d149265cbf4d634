"""Small networks of the tests' own, for weights that nobody may keep here: real files that the real runtime loads."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PATCH = 8
OPSET = helper.make_opsetid("", 17)
Arrays = Mapping[str, NDArray[np.float32]]


def answering(path: Path, outputs: Arrays, side: int | str, *, channels_last: bool = False) -> Path:
    """Write a network that answers these arrays whatever it is shown; side: of its square input, or a name if free."""
    weights = [numpy_helper.from_array(value.astype(np.float32), f"{name}_value") for name, value in outputs.items()]
    nodes = [helper.make_node("Identity", [f"{name}_value"], [name]) for name in outputs]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in outputs.items()]
    width = "w" if isinstance(side, str) else side
    shape = [1, side, width, 3] if channels_last else [1, 3, side, width]
    return _written(path, nodes, shape, results, weights)


def mixing(
    path: Path, dimensions: int, shape: Sequence[int | str], *, seed: int = 1, unit: bool = False, norm: bool = False
) -> Path:
    """Write a network that answers one fixed random mix of what it is fed: colors, places and values all count.

    shape: of its input, with three channels first or last. unit: features scaled to length one; norm: with their norm
    as a second output, both as AdaFace's own network does.
    """
    kernel = np.random.default_rng(seed).normal(size=(dimensions, 3, PATCH, PATCH)).astype(np.float32) / PATCH
    planes = "input" if shape[1] == 3 else "planes"
    nodes = [helper.make_node("Transpose", ["input"], [planes], perm=[0, 3, 1, 2])] if planes != "input" else []
    nodes += [
        helper.make_node("Conv", [planes, "kernel"], ["patches"], strides=[PATCH] * 2, kernel_shape=[PATCH] * 2),
        helper.make_node("GlobalAveragePool", ["patches"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["whole" if unit else "features"]),
    ]
    names = {"features": dimensions}
    if unit:
        nodes.append(helper.make_node("ReduceL2", ["whole"], ["norm"], axes=[1], keepdims=1))
        nodes.append(helper.make_node("Div", ["whole", "norm"], ["features"]))
        names |= {"norm": 1} if norm else {}
    results = [helper.make_tensor_value_info(each, TensorProto.FLOAT, [shape[0], n]) for each, n in names.items()]
    return _written(path, nodes, shape, results, [numpy_helper.from_array(kernel, "kernel")])


def described(folder: Path, name: str, **lines: Any) -> Path:
    """Write the description of `<folder>/onnx/<name>.onnx`, which is there already; free to use unless it says else."""
    file = folder / "onnx" / f"{name}.onnx"
    known = {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "licence": "of the tests",
        "commercial_use": True,
    }
    text = "\n".join(f"{key} = {_toml(value)}" for key, value in {**known, **lines}.items())
    path = file.with_suffix(".toml")
    path.write_text(text + "\n")
    return path


def _written(path: Path, nodes: list[Any], shape: Sequence[int | str], results: list[Any], weights: list[Any]) -> Path:
    source = helper.make_tensor_value_info("input", TensorProto.FLOAT, list(shape))
    graph = helper.make_graph(nodes, "made", [source], results, weights)
    model = helper.make_model(graph, opset_imports=[OPSET], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
