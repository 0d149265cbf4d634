"""What every graph that is written here is put together with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 17
IR_VERSION = 8

Sides = Sequence[str | int]


@dataclass(slots=True)
class GraphBuilder:
    """Collects nodes and weights; every method that adds one returns the name of its output."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def model(self, source: onnx.ValueInfoProto, results: Sequence[tuple[onnx.ValueInfoProto, str]]) -> onnx.ModelProto:
        """Return the whole graph, each result taken from the output of this name; what no result needs is left out."""
        self.nodes += [helper.make_node("Identity", [last], [result.name]) for result, last in results]
        needed, kept = {result.name for result, _ in results}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        weights = [each for each in self.weights if each.name in needed]
        graph = helper.make_graph(kept[::-1], "heirloom", [source], [result for result, _ in results], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model
