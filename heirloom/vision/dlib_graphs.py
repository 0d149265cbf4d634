"""Rebuilds dlib's two networks as ONNX graphs, so that one runtime serves every pack on the CPU and on the GPU.

The layers are those of dlib's `dnn_face_recognition_ex.cpp` and `dnn_mmod_face_detection_ex.cpp` (public domain,
Davis King). dlib pads a convolution by k/2 at stride 1 and not at all otherwise. The input normalisation and every
affine or batch normalisation layer are folded into the convolution beside them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from heirloom.vision import dlib_weights
from heirloom.vision.dlib_weights import Shape
from heirloom.vision.graph_builder import GraphBuilder, Sides
from heirloom.vision.graph_files import write_whole

GRAPH_VERSION = 4
"""Raised whenever the layout of a written graph changes, so that an old file is not taken for a new one."""

CHIP_SIDE = 150
DIMENSIONS = 128
BATCH_NORM_EPSILON = 1e-4
INPUT_MEAN = (122.782, 117.001, 104.298)
INPUT_SCALE = 1 / 256

_END = 2**31

_DESCRIPTOR_STAGES = ((3, 32, False), (3, 64, True), (2, 128, True), (2, 256, True), (0, 256, True))
"""Residual blocks after the optional down block, channels, whether a down block comes first."""

_DETECTOR_CONVOLUTIONS = ((16, 5, 2), (32, 5, 2), (32, 5, 2), (45, 5, 1), (45, 5, 1), (45, 5, 1))
_DETECTOR_WINDOW = 9
_CHANNEL_BLOCK = 16
"""Channel counts are filled up with zeros to a multiple of this: ONNX Runtime's blocked kernels ask for it."""

Doubles = NDArray[np.float64]
_Layer = tuple[Doubles, Doubles]
_Builder = Callable[[bytes], onnx.ModelProto]


def descriptor_graph(models_dir: Path) -> Path:
    """Return the ResNet descriptor's ONNX file, writing it first where it is missing.

    Input "chips": (n, 150, 150, 3) uint8 RGB. Output "vectors": (n, 128) float32, not of unit length.
    """
    return _written(dlib_weights.DESCRIPTOR, models_dir, _descriptor)


def detector_graph(models_dir: Path) -> Path:
    """Return the mmod detector's ONNX file, writing it first where it is missing.

    Input "images": (n, height, width, 4) uint8: RGB, and 1 where there is a picture; what is marked 0 changes none of
    its scores. Pictures in one frame lie at multiples of 8 pixels, 28 or more apart. Output "scores": (n, 1, rows,
    columns) float32: cell (x, y) is an 80x80 window centred at (8x + 14, 8y + 14); over 0 means a face.
    """
    return _written(dlib_weights.DETECTOR, models_dir, _detector)


def _written(weights: str, models_dir: Path, build: _Builder) -> Path:
    source = dlib_weights.path_of(weights)
    digest = dlib_weights.sha256_of(source)[:12]
    target = models_dir / f"{source.stem}-{digest}-v{GRAPH_VERSION}.onnx"
    if not target.is_file():
        write_whole(target, build(source.read_bytes()).SerializeToString())
    return target


class _Graph(GraphBuilder):
    """What both networks are made of."""

    def convolution(self, source: str, kernel: Doubles, bias: Doubles, stride: int) -> str:
        side = kernel.shape[2]
        pad = side // 2 if stride == 1 else 0
        names = self.constant(kernel.astype(np.float32)), self.constant(bias.astype(np.float32))
        return self.add("Conv", source, *names, strides=[stride] * 2, pads=[pad] * 4, kernel_shape=[side] * 2)

    def window(self, source: str, kernel: Doubles, bias: Doubles) -> str:
        """A same-sized convolution to one channel, written as its own transpose with the kernel turned about.

        The blocked kernels would compute a whole block of output channels for this one; the transpose is one product.
        """
        turned = kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1].astype(np.float32)
        names = self.constant(np.ascontiguousarray(turned)), self.constant(bias.astype(np.float32))
        pad = kernel.shape[2] // 2
        return self.add("ConvTranspose", source, *names, pads=[pad] * 4, kernel_shape=[kernel.shape[2]] * 2)

    def planes(self, source: str) -> str:
        """Bytes with channels last become floats with channels first."""
        return self.add("Cast", self.add("Transpose", source, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)

    def cut(self, source: str, *, axis: int, start: int, end: int = _END, step: int = 1) -> str:
        """Every `step`-th slice along one axis."""
        return self.add(
            "Slice", source, *(self.constant(np.array([each], np.int64)) for each in (start, end, axis, step))
        )

    def whole(self, source: tuple[str, Sides], result: tuple[str, Sides], last: str) -> onnx.ModelProto:
        pictures = helper.make_tensor_value_info(source[0], TensorProto.UINT8, source[1])
        return self.model(pictures, [(helper.make_tensor_value_info(result[0], TensorProto.FLOAT, result[1]), last)])


# --- the ResNet descriptor ---


def _descriptor(data: bytes) -> onnx.ModelProto:
    layers = iter(_descriptor_layers(data))
    graph = _Graph()
    kernel, bias = _normalising(*next(layers))
    flow = graph.add("Relu", graph.convolution(graph.planes("chips"), kernel, bias, stride=2))
    flow = graph.add("MaxPool", flow, kernel_shape=[3, 3], strides=[2, 2])
    side = ((CHIP_SIDE - 7) // 2 + 1 - 3) // 2 + 1
    channels = _DESCRIPTOR_STAGES[0][1]
    for blocks, wide, down_first in _DESCRIPTOR_STAGES:
        if down_first:
            flow, side = _down_block(graph, flow, next(layers), next(layers), side, channels)
        channels = wide
        for _ in range(blocks):
            inner = graph.add("Relu", graph.convolution(flow, *next(layers), stride=1))
            flow = graph.add("Relu", graph.add("Add", graph.convolution(inner, *next(layers), stride=1), flow))
    pooled = graph.add("Flatten", graph.add("GlobalAveragePool", flow))
    matrix = dlib_weights.tensors(data, _descriptor_shapes())[-1].reshape(-1, DIMENSIONS)
    vectors = graph.add("MatMul", pooled, graph.constant(matrix))
    return graph.whole(("chips", ["n", CHIP_SIDE, CHIP_SIDE, 3]), ("vectors", ["n", DIMENSIONS]), vectors)


def _down_block(graph: _Graph, flow: str, first: _Layer, second: _Layer, side: int, channels: int) -> tuple[str, int]:
    """Halve the size; both paths are filled with zeros at the high end up to the larger of their sizes and channels."""
    inner = graph.add("Relu", graph.convolution(flow, *first, stride=2))
    main = graph.convolution(inner, *second, stride=1)
    skip = graph.add("AveragePool", flow, kernel_shape=[2, 2], strides=[2, 2])
    main_side, skip_side = (side - 3) // 2 + 1, (side - 2) // 2 + 1
    wide, larger = second[0].shape[0], max(main_side, skip_side)
    main = _filled(graph, main, 0, larger - main_side)
    skip = _filled(graph, skip, wide - channels, larger - skip_side)
    return graph.add("Relu", graph.add("Add", main, skip)), larger


def _filled(graph: _Graph, source: str, channels: int, side: int) -> str:
    if channels == 0 and side == 0:
        return source
    return graph.add("Pad", source, graph.constant(np.array([0, 0, 0, 0, 0, channels, side, side], np.int64)))


def _descriptor_kernels() -> list[tuple[int, int, int]]:
    """(out, in, side) of every convolution, from input to output."""
    kernels, channels = [(32, 3, 7)], 32
    for blocks, wide, down_first in _DESCRIPTOR_STAGES:
        if down_first:
            kernels += [(wide, channels, 3), (wide, wide, 3)]
        channels = wide
        kernels += [(wide, wide, 3)] * (2 * blocks)
    return kernels


def _descriptor_shapes() -> list[Shape]:
    shapes: list[Shape] = []
    for wide, channels, side in _descriptor_kernels():
        shapes += [(wide * channels * side * side + wide, 1, 1, 1), (2 * wide, 1, 1, 1)]
    return [*shapes, (_DESCRIPTOR_STAGES[-1][1], DIMENSIONS, 1, 1)]


def _descriptor_layers(data: bytes) -> list[_Layer]:
    found = dlib_weights.tensors(data, _descriptor_shapes())
    layers = []
    for index, (wide, channels, side) in enumerate(_descriptor_kernels()):
        flat, affine = (found[2 * index + offset].astype(np.float64).ravel() for offset in (0, 1))
        kernel, bias = flat[:-wide].reshape(wide, channels, side, side), flat[-wide:]
        gamma, beta = affine[:wide], affine[wide:]
        layers.append((kernel * gamma[:, None, None, None], bias * gamma + beta))
    return layers


# --- the mmod detector ---


def _detector(data: bytes) -> onnx.ModelProto:
    layers = _detector_layers(data)
    layers[0] = _normalising(*layers[0])
    graph = _Graph()
    planes = graph.planes("images")
    flow, inside = (graph.cut(planes, axis=1, start=start, end=start + count) for start, count in ((0, 3), (3, 1)))
    for (kernel, bias), (_, side, stride) in zip(layers[:-1], _DETECTOR_CONVOLUTIONS, strict=True):
        if stride == 1:  # it sees zeros beyond its input, so there must be zeros beyond the picture
            flow = graph.add("Mul", flow, inside)
        else:  # a window is inside where its first and its last rows and columns are
            for axis in (2, 3):
                first = graph.cut(inside, axis=axis, start=0, end=1 - side, step=stride)
                inside = graph.add("Mul", first, graph.cut(inside, axis=axis, start=side - 1, step=stride))
        flow = graph.add("Relu", graph.convolution(flow, kernel, bias, stride))
    scores = graph.window(graph.add("Mul", flow, inside), *layers[-1])
    return graph.whole(("images", ["n", "h", "w", 4]), ("scores", ["n", 1, "y", "x"]), scores)


def _detector_shapes() -> list[Shape]:
    shapes: list[Shape] = []
    channels = 3
    for wide, side, _ in _DETECTOR_CONVOLUTIONS:
        shapes += [(wide * channels * side * side + wide, 1, 1, 1), (2 * wide, 1, 1, 1)]
        shapes += [(1, wide, 1, 1)] * 4
        channels = wide
    return [*shapes, (channels * _DETECTOR_WINDOW**2 + 1, 1, 1, 1)]


def _detector_layers(data: bytes) -> list[_Layer]:
    """Kernels and biases with batch normalisation folded in and channels filled up to whole blocks."""
    found = iter(tensor.astype(np.float64).ravel() for tensor in dlib_weights.tensors(data, _detector_shapes()))
    layers, channels = [], 3
    for wide, side, _ in _DETECTOR_CONVOLUTIONS:
        flat, affine, _means, _deviations, means, variances = (next(found) for _ in range(6))
        factor = affine[:wide] / np.sqrt(variances + BATCH_NORM_EPSILON)
        kernel = flat[:-wide].reshape(wide, channels, side, side) * factor[:, None, None, None]
        layers.append(_blocked(kernel, (flat[-wide:] - means) * factor + affine[wide:]))
        channels = wide
    flat = next(found)
    window, _ = _blocked(flat[:-1].reshape(1, channels, _DETECTOR_WINDOW, _DETECTOR_WINDOW), flat[-1:])
    return [*layers, (window[:1], flat[-1:])]


def _blocked(kernel: Doubles, bias: Doubles) -> _Layer:
    """Fill both channel counts (three colours excepted) up to whole blocks with zeros; the results stay the same."""
    out, channels = kernel.shape[:2]
    more_out, more_in = -out % _CHANNEL_BLOCK, 0 if channels == len(INPUT_MEAN) else -channels % _CHANNEL_BLOCK
    return np.pad(kernel, ((0, more_out), (0, more_in), (0, 0), (0, 0))), np.pad(bias, (0, more_out))


def _normalising(kernel: Doubles, bias: Doubles) -> _Layer:
    """Fold (pixel - mean) / 256 into an unpadded first convolution."""
    scaled = kernel * INPUT_SCALE
    return scaled, bias - np.einsum("oihw,i->o", scaled, np.array(INPUT_MEAN))
