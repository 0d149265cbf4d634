"""What detector networks answer, decoded: raw outputs in, candidate faces out. Pure arithmetic, in batches.

Every head answers, for each picture of a batch, (n, 15) float64 rows in pixels of the network's input: x, y, width,
height, then x and y of the left eye, right eye, nose tip, left and right mouth corner as seen in the picture, then the
score. Outputs are told apart by their shapes, for exporters name and order them as they like.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from heirloom.vision.feed import Feed
from heirloom.vision.types import Floats

COLUMNS = 15
STRIDES = (8, 16, 32)

Doubles = NDArray[np.float64]
Size = tuple[int, int]
"""Height and width of the network's input."""

Outputs = Mapping[str, Floats]
Decode = Callable[[Outputs, Size, float], list[Doubles]]


class HeadMismatchError(ValueError):
    """The network's outputs are not those of the head it was described with."""


@dataclass(frozen=True, slots=True)
class Head:
    """A kind of detector: how it decodes, and what it wants to see.

    feed: of its published weights. fill: the value of pixels beyond the picture. centred: whether the picture lies in
    the middle of the input or in its top left corner. multiple: of which the input's sides are, where they are free.
    smallest_face_px: the smallest face it finds reliably, in pixels of its input.
    """

    decode: Decode
    feed: Feed
    fill: int = 0
    centred: bool = False
    multiple: int = 32
    smallest_face_px: float = 24.0


def yunet(outputs: Outputs, size: Size, lowest: float) -> list[Doubles]:
    """YuNet: class and object score, box and points of one prior in each cell of three strides.

    Source: `FaceDetectorYNImpl::postProcess` of OpenCV 4.8 (modules/objdetect).
    """
    per_stride = [{kind: outputs[f"{kind}_{stride}"] for kind in ("cls", "obj", "bbox", "kps")} for stride in STRIDES]
    parts = []
    for stride, raw in zip(STRIDES, per_stride, strict=True):
        cells = _cells(size, stride) / stride
        scores = np.sqrt(np.clip(raw["cls"][..., 0], 0, 1) * np.clip(raw["obj"][..., 0], 0, 1))
        middles = (cells + raw["bbox"][..., :2]) * stride
        sides = np.exp(raw["bbox"][..., 2:]) * stride
        points = (cells[:, None] + _pairs(raw["kps"])) * stride
        parts.append(_rows(middles - sides / 2, sides, points, scores))
    return _chosen(parts, lowest)


def scrfd(outputs: Outputs, size: Size, lowest: float) -> list[Doubles]:
    """SCRFD: distances from a cell's corner to the sides of the box and to the points, for each of its anchors.

    Source: `distance2bbox` and `distance2kps` of insightface (python-package/insightface/model_zoo/scrfd.py). Graphs
    that were exported for one picture leave the batch dimension out.
    """
    parts = []
    for stride, (scores, boxes, points) in zip(STRIDES, _finest_first(outputs, (1, 4, 10)), strict=True):
        cells = _cells(size, stride)
        anchors = scores.shape[1] // len(cells)
        corners = np.repeat(cells, anchors, axis=0)
        low, high = corners - boxes[..., :2] * stride, corners + boxes[..., 2:] * stride
        parts.append(_rows(low, high - low, corners[:, None] + _pairs(points) * stride, scores[..., 0]))
    return _chosen(parts, lowest)


def yolo(outputs: Outputs, size: Size, lowest: float) -> list[Doubles]:
    """YOLO-face in the layout of Ultralytics' pose models: (n, 20, cells).

    A column is the box's middle and sides, its score, then five times x, y and visibility, all in input pixels.
    Source: `ultralytics/nn/modules/head.py`, class Pose, exported without non-maximum suppression.
    """
    raw = next(iter(outputs.values()))
    if raw.ndim != 3 or raw.shape[1] != 20:
        raise HeadMismatchError(f"a YOLO-face output is (n, 20, cells), this one is {raw.shape}")
    columns = raw.transpose(0, 2, 1).astype(np.float64)
    middles, sides = columns[..., :2], columns[..., 2:4]
    points = columns[..., 5:].reshape(*columns.shape[:2], 5, 3)[..., :2]
    return _chosen([_rows(middles - sides / 2, sides, points, columns[..., 4])], lowest)


def retinaface(outputs: Outputs, size: Size, lowest: float) -> list[Doubles]:
    """RetinaFace: offsets from two square anchors in each cell of three strides, channels last.

    Source: `RetinaFace.detect_faces` and `commons/postprocess.py` of the package retina-face 0.0.19, whose graph
    this decodes. Sides of anchors and boxes count both of their edge pixels.
    """
    parts = []
    for stride, (scores, boxes, points) in zip(STRIDES, _finest_first(outputs, (4, 8, 20)), strict=True):
        cells = np.repeat(_cells(size, stride), 2, axis=0) + _RETINA_MIDDLE
        anchor = np.tile(_RETINA_SIDES[stride], len(cells) // 2)[:, None]
        deltas = boxes.reshape(len(boxes), -1, 4)
        sides = np.exp(deltas[..., 2:]) * anchor
        low = deltas[..., :2] * anchor + cells - (sides - 1) / 2
        spots = _pairs(points.reshape(len(points), -1, 10)) * anchor[:, None] + cells[:, None]
        # The first two of the four channels are the background's probabilities.
        faces = scores[..., 2:].reshape(len(scores), -1)
        parts.append(_rows(low, sides - 1, spots, faces))
    return _chosen(parts, lowest)


def centerface(outputs: Outputs, size: Size, lowest: float) -> list[Doubles]:
    """CenterFace: a heat map at a quarter of the size, with offset, size and points of the face in each of its cells.

    Source: `CenterFace.decode` of Star-Clouds/CenterFace (prj-python/centerface.py). Its numbers stand y before x, the
    points' relative to the box's corner.
    """
    heat, scale, offset, spots = outputs.values()
    if [each.shape[1] for each in (heat, scale, offset, spots)] != [1, 2, 2, 10]:
        raise HeadMismatchError("a CenterFace network answers heat map, scale, offset and landmarks in this order")
    scores = heat.reshape(len(heat), -1)
    sides = np.exp(_last(scale)[..., ::-1]) * _CENTER_STRIDE
    middles = _cells(size, _CENTER_STRIDE) + (_last(offset)[..., ::-1] + 0.5) * _CENTER_STRIDE
    low = middles - sides / 2
    points = _pairs(_last(spots))[..., ::-1] * sides[..., None, :] + low[..., None, :]
    return _chosen([_rows(low, sides, points, scores)], lowest)


_RETINA_MIDDLE = 7.5
_RETINA_SIDES = {8: (32.0, 16.0), 16: (128.0, 64.0), 32: (512.0, 256.0)}
_CENTER_STRIDE = 4

HEADS: dict[str, Head] = {
    "yunet": Head(yunet, Feed("bgr", "nchw", (0, 0, 0), (1, 1, 1))),
    "scrfd": Head(scrfd, Feed("rgb", "nchw", (127.5, 127.5, 127.5), (128, 128, 128))),
    "yolo": Head(yolo, Feed("rgb", "nchw", (0, 0, 0), (255, 255, 255)), fill=114, centred=True),
    "retinaface": Head(retinaface, Feed("rgb", "nhwc", (0, 0, 0), (1, 1, 1))),
    "centerface": Head(centerface, Feed("rgb", "nchw", (0, 0, 0), (1, 1, 1))),
}


@cache
def _cells(size: Size, stride: int) -> Doubles:
    """(rows * columns, 2): x and y of each cell's top left corner, row by row."""
    rows, columns = -(-size[0] // stride), -(-size[1] // stride)
    y, x = np.mgrid[:rows, :columns]
    return np.asarray(np.column_stack([x.ravel(), y.ravel()]) * float(stride), np.float64)


def _finest_first(outputs: Outputs, channels: Sequence[int]) -> Iterable[tuple[Floats, ...]]:
    """The outputs of each stride as (batch, cells, channels), told apart by their channels, the most cells first."""
    flat = [each.reshape(len(each) if each.ndim > 2 else 1, -1, each.shape[-1]) for each in outputs.values()]
    of_kind = [sorted((each for each in flat if each.shape[-1] == kind), key=lambda e: -e.size) for kind in channels]
    if [len(kind) for kind in of_kind] != [len(STRIDES)] * len(channels):
        shapes = ", ".join(str(each.shape) for each in outputs.values())
        raise HeadMismatchError(f"three strides with outputs of {channels} channels are expected, not {shapes}")
    return zip(*of_kind, strict=True)


def _pairs(values: Floats) -> Floats:
    """(..., 10) as (..., 5, 2)."""
    return values.reshape(*values.shape[:-1], 5, 2)


def _last(planes: Floats) -> Floats:
    """(n, channels, rows, columns) as (n, rows * columns, channels)."""
    return planes.reshape(*planes.shape[:2], -1).transpose(0, 2, 1)


def _rows(
    low: NDArray[np.floating], sides: NDArray[np.floating], points: NDArray[np.floating], scores: NDArray[np.floating]
) -> Doubles:
    """(batch, n, 15)."""
    flat = points.reshape(*points.shape[:-2], 10)
    return np.concatenate([low, sides, flat, scores[..., None]], axis=-1, dtype=np.float64)


def _chosen(parts: Sequence[Doubles], lowest: float) -> list[Doubles]:
    """The rows of each picture that score at least `lowest`."""
    rows = np.concatenate(parts, axis=1)
    return [picture[picture[:, -1] >= lowest] for picture in rows]
