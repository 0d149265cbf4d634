"""TensorFlow Lite networks, written anew as ONNX graphs.

They run on ONNX Runtime then, in batches, on the CPU and on the GPU, without TensorFlow. Pictures come in with channels
last, as in the file; within, every tensor of four sides has its channels second, as ONNX wants them. What the operators
mean is in `tensorflow/lite/kernels`; of their many forms the ones that are used are understood, and others refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from heirloom.vision import tflite
from heirloom.vision.graph_builder import GraphBuilder
from heirloom.vision.tflite import Operator, Step, Tensor

_SAME = 0
_ELEMENTWISE = {
    Operator.ADD: "Add",
    Operator.SUB: "Sub",
    Operator.MUL: "Mul",
    Operator.LESS: "Less",
    Operator.GREATER_EQUAL: "GreaterOrEqual",
    Operator.RELU: "Relu",
    Operator.ABS: "Abs",
}
_CHANNELS_SECOND, _CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_PICTURE_SIDES = len(_CHANNELS_LAST)


def converted(data: bytes) -> onnx.ModelProto:
    """Return the ONNX graph of a TensorFlow Lite file, its batch open; names of its input and outputs are the file's.

    Input: (n, height, width, channels) float32, as the file says. Outputs: those of the file, in its order.
    Raises ValueError for a file that is none, and for what it does in a way that is not known here.
    """
    return _Conversion(tflite.read(data)).model()


@dataclass(slots=True)
class _Conversion:
    """names: of what is computed so far, by the number of its tensor."""

    network: tflite.Network
    graph: GraphBuilder = field(default_factory=GraphBuilder)
    names: dict[int, str] = field(default_factory=dict)
    folded: dict[int, NDArray[Any]] = field(default_factory=dict)

    def model(self) -> onnx.ModelProto:
        (source,) = self.network.inputs
        tensor = self._tensor(source)
        self.names[source] = self.graph.add("Transpose", tensor.name, perm=_CHANNELS_SECOND)
        for step in self.network.steps:
            self._convert(step)
        results = [(self._described(number), self._channels_last(number)) for number in self.network.outputs]
        return self.graph.model(self._described(source), results)

    def _convert(self, step: Step) -> None:
        if step.operator is Operator.DEQUANTIZE:
            self.folded[step.outputs[0]] = self._value(step.inputs[0]).astype(np.float32)
            return
        convert = _CONVERSIONS.get(step.operator, _Conversion._elementwise)
        self.names[step.outputs[0]] = convert(self, step)

    # --- operators ---

    def _elementwise(self, step: Step) -> str:
        _plain(step, 0)
        slope = self._slope(step)
        if slope is not None:
            return slope
        return self.graph.add(_ELEMENTWISE[step.operator], *(self._beside(number, step) for number in step.inputs))

    def _slope(self, step: Step) -> str | None:
        """relu(x) + c (x - |x|), which is how this format writes a slope of 2c below zero, as one operator."""
        made = {each.outputs[0]: each for each in self.network.steps}
        relu, scaled = (made.get(number) for number in step.inputs) if len(step.inputs) > 1 else (None, None)
        if step.operator is not Operator.ADD or relu is None or scaled is None:
            return None
        if (relu.operator, scaled.operator) != (Operator.RELU, Operator.MUL):
            return None
        factor, twice = scaled.inputs
        minus = made.get(twice)
        value = self._tensor(factor).value
        if value is None or minus is None or minus.operator is not Operator.SUB or minus.inputs[0] != relu.inputs[0]:
            return None
        absolute = made.get(minus.inputs[1])
        if absolute is None or (absolute.operator, absolute.inputs) != (Operator.ABS, relu.inputs):
            return None
        slope = self.graph.constant((2 * value).astype(np.float32).reshape(-1, 1, 1))
        return self.graph.add("PRelu", self.names[relu.inputs[0]], slope)

    def _leaky(self, step: Step) -> str:
        return self.graph.add("LeakyRelu", self.names[step.inputs[0]], alpha=step.options.number(0, "<f4"))

    def _convolution(self, step: Step) -> str:
        """Kernels (out, height, width, in)."""
        _plain(step, 3)
        _undilated(step, 4)
        kernel = self._value(step.inputs[1]).transpose(0, 3, 1, 2)
        return self._convolved(step, kernel, 1)

    def _depthwise(self, step: Step) -> str:
        """Kernels (1, height, width, channels), one for each channel."""
        _plain(step, 4)
        _undilated(step, 5)
        kernel = self._value(step.inputs[1]).transpose(3, 0, 1, 2)
        if step.options.number(3) != 1:
            raise ValueError("only one kernel for each channel is known here")
        return self._convolved(step, kernel, len(kernel))

    def _convolved(self, step: Step, kernel: NDArray[Any], group: int) -> str:
        weights = self.graph.constant(np.ascontiguousarray(kernel)), self.graph.constant(self._value(step.inputs[2]))
        return self.graph.add(
            "Conv", self.names[step.inputs[0]], *weights, group=group, **self._window(step, kernel.shape[2:])
        )

    def _pool(self, step: Step) -> str:
        _plain(step, 5)
        operator = "MaxPool" if step.operator is Operator.MAX_POOL_2D else "AveragePool"
        sides = step.options.number(4), step.options.number(3)
        return self.graph.add(operator, self.names[step.inputs[0]], **self._window(step, sides))

    def _window(self, step: Step, sides: tuple[int, ...]) -> dict[str, list[int]]:
        """Where a window stands: padded as TensorFlow's SAME does, the odd pixel after; padding counts in no mean."""
        strides = [step.options.number(2), step.options.number(1)]
        before, after = [0, 0], [0, 0]
        if step.options.number(0, "<i1") == _SAME:
            shape = self._tensor(step.inputs[0]).shape[1:3]
            for axis, (size, stride, side) in enumerate(zip(shape, strides, sides, strict=True)):
                missing = max((-(-size // stride) - 1) * stride + side - size, 0)
                before[axis], after[axis] = missing // 2, missing - missing // 2
        return {"kernel_shape": list(sides), "strides": strides, "pads": [*before, *after]}

    def _fully_connected(self, step: Step) -> str:
        """Weights (out, in); what comes in is flattened, row by row."""
        _plain(step, 0)
        if step.options.number(1, "<i1") or step.options.number(2, "?"):
            raise ValueError("only plain weights and flat answers are known here")
        flat = self.graph.add("Flatten", self._channels_last(step.inputs[0]))
        weights = (self.graph.constant(self._value(number)) for number in step.inputs[1:])
        return self.graph.add("Gemm", flat, *weights, transB=1)

    def _reshaped(self, step: Step) -> str:
        source, target = self._tensor(step.inputs[0]).shape, self._tensor(step.outputs[0]).shape
        if source[0] != target[0] or len(target) == _PICTURE_SIDES:
            raise ValueError(f"a reshape from {source} to {target} is not known here: it must leave rows alone")
        # In a reshape, 0 means the same as in its input.
        shape = self.graph.constant(np.array([0, *target[1:]], np.int64))
        return self.graph.add("Reshape", self._channels_last(step.inputs[0]), shape)

    def _whole_slice(self, step: Step) -> str:
        source, target = self._tensor(step.inputs[0]).shape, self._tensor(step.outputs[0]).shape
        if source != target or (self._value(step.inputs[3]) != 1).any():
            raise ValueError(f"a slice of {target} from {source} is not known here")
        return self.names[step.inputs[0]]

    def _joined(self, step: Step) -> str:
        _plain(step, 1)
        axis, shape = step.options.number(0), self._tensor(step.outputs[0]).shape
        if len(shape) == _PICTURE_SIDES or axis % len(shape) == 0:
            raise ValueError("only rows of numbers are joined here")
        return self.graph.add("Concat", *(self.names[number] for number in step.inputs), axis=axis)

    def _cast(self, step: Step) -> str:
        if self._tensor(step.outputs[0]).type != np.float32:
            raise ValueError("only casts to float32 are known here")
        return self.graph.add("Cast", self.names[step.inputs[0]], to=TensorProto.FLOAT)

    # --- tensors ---

    def _tensor(self, number: int) -> Tensor:
        return self.network.tensors[number]

    def _value(self, number: int) -> NDArray[Any]:
        """Return a constant; raises ValueError for what is computed."""
        value = self.folded.get(number, self._tensor(number).value)
        if value is None:
            raise ValueError(f"{self._tensor(number).name} must be a constant")
        return value

    def _beside(self, number: int, step: Step) -> str:
        """Return an operand's name, a constant laid out as what it stands beside."""
        if number in self.names:
            if len(self._tensor(number).shape) != len(self._tensor(step.outputs[0]).shape):
                raise ValueError(f"{self._tensor(number).name} is stretched in a way that is not known here")
            return self.names[number]
        value = self._value(number)
        if len(self._tensor(step.outputs[0]).shape) == _PICTURE_SIDES and value.ndim:
            value = value.reshape((1,) * (_PICTURE_SIDES - value.ndim) + value.shape).transpose(_CHANNELS_SECOND)
        return self.graph.constant(np.ascontiguousarray(value))

    def _channels_last(self, number: int) -> str:
        if len(self._tensor(number).shape) != _PICTURE_SIDES:
            return self.names[number]
        return self.graph.add("Transpose", self.names[number], perm=_CHANNELS_LAST)

    def _described(self, number: int) -> onnx.ValueInfoProto:
        tensor = self._tensor(number)
        return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, ["n", *tensor.shape[1:]])


def _plain(step: Step, field_number: int) -> None:
    if step.operator in _ACTIVATED and step.options.number(field_number, "<i1"):
        raise ValueError(f"{step.operator.name} with an activation of its own is not known here")


def _undilated(step: Step, first: int) -> None:
    if any(step.options.number(each, default=1) != 1 for each in (first, first + 1)):
        raise ValueError(f"{step.operator.name} with gaps is not known here")


_ACTIVATED = frozenset(Operator) - {Operator.RELU, Operator.ABS, Operator.LESS, Operator.GREATER_EQUAL}

_CONVERSIONS: Mapping[Operator, Callable[[_Conversion, Step], str]] = {
    Operator.LEAKY_RELU: _Conversion._leaky,
    Operator.CONV_2D: _Conversion._convolution,
    Operator.DEPTHWISE_CONV_2D: _Conversion._depthwise,
    Operator.MAX_POOL_2D: _Conversion._pool,
    Operator.AVERAGE_POOL_2D: _Conversion._pool,
    Operator.FULLY_CONNECTED: _Conversion._fully_connected,
    Operator.RESHAPE: _Conversion._reshaped,
    Operator.STRIDED_SLICE: _Conversion._whole_slice,
    Operator.CONCATENATION: _Conversion._joined,
    Operator.CAST: _Conversion._cast,
}
