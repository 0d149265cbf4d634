"""YuNet of the OpenCV Zoo: a first look for faces on a small copy, then closer looks at each face for its landmarks.

Each look's landmarks are the mean over all of YuNet's candidates that agree on a face. Measured with a MobileFaceNet on
2,611 photos of 494 people of LFW, one photo against one: FNMR 1.8 % at FMR 1e-3 and 3.6 % at 1e-4. The first look alone
gives 5.6 % and 12.2 %, one look at the photo's full size 2.3 % and 4.9 %.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from heirloom.media.types import Image
from heirloom.vision.detection import Pixels, Search, largest_first, overlaps, shrunk, without_doubles, working_copy
from heirloom.vision.graph_files import freed, rewritten, taking_pictures
from heirloom.vision.packs.heads import HEADS, Doubles, yunet
from heirloom.vision.packs.rows import LOWEST_CONFIDENCE, canvas_size, face_of, moved, on_canvas
from heirloom.vision.runtime import Network, Runtime
from heirloom.vision.types import Box, Face

NAME = "yunet"
SMALLEST_FACE_PX = HEADS[NAME].smallest_face_px
"""The size of the smallest face in the first look. YuNet finds faces of 10 to 300 px, these still reliably."""

CLOSE_FACE_PX = 80
CLOSE_SIDE_PX = 160
"""The size of a face, and of the square around it, in a closer look."""

CLOSER_LOOKS = 2
"""Each is centred on what the one before saw. YuNet's points move with its grid, by 7.7 % of the eye distance when a
photo is shifted or scaled: after one closer look by 1.7 %, after two by 1.0 %."""

SAME_FACE = 0.3
"""The closer look sees the face of the first where their boxes overlap by this much (intersection over union)."""

AGREEING = 0.5
"""Candidates that overlap the best one by this much are averaged with it."""

CLOSE_CONFIDENCE = 0.3


class YuNetDetector:
    """YuNet with its own five landmarks; the closer looks at all faces of a picture share one run of fixed size."""

    name = NAME
    smallest_face_px = SMALLEST_FACE_PX

    def __init__(self, runtime: Runtime, models_dir: Path) -> None:
        self._runtime, self._models_dir = runtime, models_dir

    def load(self) -> None:
        self._network()

    def detect(self, image: Image, search: Search) -> tuple[Face, ...]:
        pixels, factor = working_copy(image, search, SMALLEST_FACE_PX)
        network, head = self._network(), HEADS[NAME]
        canvas, _ = on_canvas(pixels, head, canvas_size(pixels, head.multiple, few=network.fixed_shapes))
        (rows,) = candidates(network, canvas[None], max(search.min_confidence, LOWEST_CONFIDENCE))
        best = without_doubles(rows[:, :4], rows[:, 14], search.iou_threshold)
        origin = np.full(2, 0.5 / factor - 0.5)
        faces = [face_of(moved(_agreed(rows, k), factor, origin), rows[k, 14]) for k in best]
        for _ in range(CLOSER_LOOKS):
            faces = self._looked_at(image.pixels, largest_first(faces, search.max_faces))
        return largest_first(faces, search.max_faces)

    def _looked_at(self, pixels: Pixels, faces: Sequence[Face]) -> list[Face]:
        """The same faces with the boxes and points of a closer look, or as they were where that does not show them."""
        if not faces:
            return []
        squares, factors, origins = zip(*(_square_around(pixels, face.box) for face in faces), strict=True)
        seen = candidates(self._network(), np.stack(squares), CLOSE_CONFIDENCE)
        return [
            _closer(face, moved(rows, factor, origin))
            for face, rows, factor, origin in zip(faces, seen, factors, origins, strict=True)
        ]

    def _network(self) -> Network:
        return self._runtime.network(yunet_graph(self._models_dir))


def yunet_graph(models_dir: Path) -> Path:
    """Return YuNet's graph, free in batch and size and taking bytes, writing it first where it is missing.

    Input "pictures": (n, height, width, 3) uint8 RGB, sides multiples of 32. Outputs: those of the published file.
    Raises Refusal "weights_missing" or "weights_altered".
    """
    return rewritten(NAME, models_dir, lambda model: taking_pictures(freed(model), bgr=True))


def candidates(network: Network, pictures: Pixels, lowest: float) -> list[Doubles]:
    """Return every candidate of at least this confidence, overlapping ones included: (n, 15) for each picture.

    pictures: (n, height, width, 3), sides multiples of 32.
    """
    outputs = dict(zip(network.output_names, network.outputs(pictures), strict=True))
    return yunet(outputs, pictures.shape[1:3], lowest)


def _closer(face: Face, rows: Doubles) -> Face:
    known = np.array([face.box.x, face.box.y, face.box.width, face.box.height])
    same = rows[overlaps(known, rows[:, :4]) > SAME_FACE]
    if not len(same):
        return face
    return face_of(_agreed(same, int(same[:, 14].argmax())), face.confidence)


def _agreed(rows: Doubles, best: int) -> Doubles:
    """(15,): the mean of the candidates that show the same face as this one, weighted by their confidence."""
    agreeing = rows[overlaps(rows[best, :4], rows[:, :4]) > AGREEING]
    return np.asarray(np.average(agreeing, axis=0, weights=agreeing[:, 14]), np.float64)


def _square_around(pixels: Pixels, box: Box) -> tuple[Pixels, float, Doubles]:
    """The face at CLOSE_FACE_PX in the exact middle of a square, black beyond the frame; its scale and its origin."""
    factor = CLOSE_FACE_PX / max(box.width, box.height)
    middle, centre = np.array((box.x + box.width / 2, box.y + box.height / 2)), (CLOSE_SIDE_PX - 1) / 2
    low = np.clip(np.floor(middle - centre / factor).astype(int) - 1, 0, None)
    high = np.ceil(middle + centre / factor).astype(int) + 2
    whole = max(1, int(1 / factor))
    region = shrunk(pixels[low[1] : high[1], low[0] : high[0]], whole)
    shift = factor * (low + (whole - 1) / 2 - middle) + centre
    matrix = np.array([(factor * whole, 0, shift[0]), (0, factor * whole, shift[1])])
    square = cv2.warpAffine(region, matrix, (CLOSE_SIDE_PX, CLOSE_SIDE_PX), flags=cv2.INTER_LINEAR)
    return np.asarray(square, np.uint8), factor, middle - centre / factor
