"""A small TensorFlow.js graph model, rebuilt as an ONNX graph."""

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from heirloom.vision.graph_builder import GraphBuilder

TO_CHANNELS_FIRST = (0, 3, 1, 2)
RELU = b"Relu"


@dataclass(slots=True)
class _Rebuilt:
    """weights: by node. names: what each node of the source gives is called here. Channels come first here."""

    weights: Mapping[str, NDArray[Any]]
    made: GraphBuilder = field(default_factory=GraphBuilder)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, node: Mapping[str, Any]) -> None:
        inputs, attributes = node.get("input", []), node.get("attr", {})
        match node["op"]:
            case "Const":
                return
            case "_FusedConv2D":
                found = self._convolution(inputs, attributes)
            case "_FusedMatMul":
                weight, bias = (self.made.constant(self.weights[name]) for name in inputs[1:])
                found = self._ended(self.made.add("Gemm", self.names[inputs[0]], weight, bias), attributes)
            case "Mul" | "Add" as operator:
                each_channel = self.made.constant(self.weights[inputs[1]].reshape(-1, 1, 1))
                found = self.made.add(operator, self.names[inputs[0]], each_channel)
            case "MaxPool":
                sides, steps = (_integers(attributes[key])[1:3] for key in ("ksize", "strides"))
                found = self.made.add("MaxPool", self.names[inputs[0]], kernel_shape=sides, strides=steps)
            case "Max":
                found = self.made.add("ReduceMax", self.names[inputs[0]], axes=[2, 3], keepdims=0)
            case "Softmax" | "Identity" as operator:
                found = self.made.add(operator, self.names[inputs[0]])
            case other:
                raise ValueError(f"no graph with {other} is rebuilt here")
        self.names[node["name"]] = found

    def _convolution(self, inputs: list[str], attributes: Mapping[str, Any]) -> str:
        if base64.b64decode(attributes["padding"]["s"]) != b"VALID":
            raise ValueError("no padded convolution is rebuilt here")
        kernel = self.made.constant(np.ascontiguousarray(self.weights[inputs[1]].transpose(3, 2, 0, 1)))
        bias = self.made.constant(self.weights[inputs[2]])
        steps = _integers(attributes["strides"])[1:3]
        return self._ended(self.made.add("Conv", self.names[inputs[0]], kernel, bias, strides=steps), attributes)

    def _ended(self, name: str, attributes: Mapping[str, Any]) -> str:
        fused = [base64.b64decode(each) for each in attributes["fused_ops"]["list"]["s"]]
        return self.made.add("Relu", name) if RELU in fused else name


def rebuilt(description: bytes, weights: bytes) -> onnx.ModelProto:
    """Return the graph of a model.json and its one file of weights.

    Its input is (n, height, width, 3) float32 as in the source; its outputs have the names of the source's signature.
    Raises ValueError for an operation that is not known here.
    """
    source = json.loads(description)
    (entry,) = source["signature"]["inputs"].values()
    graph = _Rebuilt(dict(_weights_of(source["weightsManifest"], weights)))
    graph.names[entry["name"].split(":")[0]] = graph.made.add("Transpose", "pictures", perm=TO_CHANNELS_FIRST)
    for node in source["modelTopology"]["node"]:
        if node["op"] != "Placeholder":
            graph.add(node)
    sides = [int(each["size"]) for each in entry["tensorShape"]["dim"]]
    results = []
    for name, each in source["signature"]["outputs"].items():
        wide = int(each["tensorShape"]["dim"][1]["size"])
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", wide])
        results.append((value, graph.names[each["name"].split(":")[0]]))
    given = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", *sides[1:]])
    return graph.made.model(given, results)


def _weights_of(manifest: list[Mapping[str, Any]], data: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    start = 0
    for each in (one for group in manifest for one in group["weights"]):
        stored = np.dtype(each.get("quantization", {}).get("dtype", each["dtype"]))
        count = math.prod(each["shape"])
        values = np.frombuffer(data, stored, count, start).astype(each["dtype"]).reshape(each["shape"])
        start += count * stored.itemsize
        yield each["name"], values


def _integers(attribute: Mapping[str, Any]) -> list[int]:
    return [int(each) for each in attribute["list"]["i"]]
