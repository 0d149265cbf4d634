"""`python -m heirloom.embedded.cuda_probe`: exit code 0 if a graph of one node runs on CUDA.

A provider that ONNX Runtime lists, or even accepts, may still fail to load; only a result that came from it proves it.
"""

import sys

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

CUDA = "CUDAExecutionProvider"


def runs() -> bool:
    """Say whether CUDA runs in this process; a broken driver may take it down."""
    if CUDA not in ort.get_available_providers():
        return False
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    session = ort.InferenceSession(_negation(), providers=[CUDA])
    if session.get_providers()[0] != CUDA:
        return False
    return bool(session.run(None, {"x": np.ones(1, np.float32)})[0][0] == -1)


def _negation() -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "probe", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    sys.exit(0 if runs() else 1)
