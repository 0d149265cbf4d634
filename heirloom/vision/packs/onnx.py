"""Recognisers and detectors that are a graph and a contract: whatever file fits, it runs on the one runtime."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision.contracts import Contract
from heirloom.vision.detection import Pixels, Search, largest_first, without_doubles, working_copy
from heirloom.vision.feed import Feed
from heirloom.vision.packs.heads import Doubles, Head, HeadMismatchError
from heirloom.vision.packs.rows import LOWEST_CONFIDENCE, canvas_size, face_of, moved, on_canvas
from heirloom.vision.runtime import Network, Runtime
from heirloom.vision.types import Face, Floats

File = Callable[[], Path]
"""Returns the graph to load, held to its hash; raises Refusal where it is not as it should be."""


UNIT_WITHIN = 1e-3
"""Features this near to length one were scaled to it inside the graph: that length says nothing."""


class OnnxRecogniser:
    """Cuts chips and feeds them as the contract says.

    Where the length of the features is a quality, a graph may answer them at that length, or scaled to one with their
    norms as its second output, as AdaFace does (`net.py` of mk-minchul/AdaFace: `return output, norm`).
    """

    def __init__(self, runtime: Runtime, file: File, contract: Contract, *, model: str, dimensions: int) -> None:
        self._runtime, self._file, self._contract = runtime, file, contract
        self.model, self.dimensions = model, dimensions
        self.norm_is_quality = contract.norm_is_quality

    def load(self) -> None:
        """Load the graph and feed it one black chip.

        Raises Refusal "weights_missing", "weights_altered", or "weights_unfit" where it does not answer as described.
        """
        side = self._contract.side
        found = self.vectors(np.zeros((1, side, side, 3), np.uint8))
        if found.shape != (1, self.dimensions):
            detail = f"{self.model} answers {found.shape[1:]} numbers for a face, described are {self.dimensions}."
            raise Refusal("weights_unfit", detail)
        if self.norm_is_quality and abs(float(np.linalg.norm(found)) - 1) < UNIT_WITHIN:
            detail = f"{self.model} answers features of length one and no norm beside them: their quality is lost."
            raise Refusal("weights_unfit", detail)

    def disagreement(self, image: Image, face: Face) -> float | None:
        return None

    def chips(self, image: Image, face: Face) -> Pixels:
        return self._contract.chip(image, face)[None]

    def vectors(self, chips: Pixels) -> Floats:
        features, *others = self._network().outputs(self._contract.feed.tensor(chips))
        if not (self.norm_is_quality and others):
            return features
        norms = others[0]
        if norms.size != len(features):
            detail = f"{self.model} answers {norms.shape} beside its features, where their norms should be."
            raise Refusal("weights_unfit", detail)
        return features * norms.reshape(-1, 1)

    def _network(self) -> Network:
        return self._runtime.network(self._file())


class OnnxDetector:
    """Shows the picture to the graph on a canvas of a fixed size, or of a few, and decodes what its head answers."""

    def __init__(self, name: str, runtime: Runtime, file: File, head: Head, feed: Feed | None = None) -> None:
        self.name, self._runtime, self._file = name, runtime, file
        self._head, self._feed = head, feed or head.feed

    @property
    def smallest_face_px(self) -> float:
        return self._head.smallest_face_px

    def load(self) -> None:
        """Load the graph and show it a black picture.

        Raises Refusal "weights_missing", "weights_altered", or "weights_unfit" where its outputs are not the head's.
        """
        side = self._fixed_side(self._network()) or self._head.multiple
        self.candidates(np.zeros((1, side, side, 3), np.uint8), lowest=1.0)

    def detect(self, image: Image, search: Search) -> tuple[Face, ...]:
        network = self._network()
        fixed = self._fixed_side(network)
        if fixed:
            # The canvas costs the same whatever it shows, so the picture fills it.
            search = replace(search, working_side_px=fixed, min_face_px=1)
        pixels, factor = working_copy(image, search, self.smallest_face_px)
        size = (fixed, fixed) if fixed else canvas_size(pixels, self._head.multiple, few=network.fixed_shapes)
        canvas, corner = on_canvas(pixels, self._head, size)
        (rows,) = self.candidates(canvas[None], max(search.min_confidence, LOWEST_CONFIDENCE))
        kept = without_doubles(rows[:, :4], rows[:, 14], search.iou_threshold)
        placed = moved(rows, factor, (0.5 - corner) / factor - 0.5)
        return largest_first([face_of(placed[k], placed[k, 14]) for k in kept], search.max_faces)

    def candidates(self, canvases: Pixels, lowest: float) -> list[Doubles]:
        """Return every candidate on each of the canvases, (n, height, width, 3), in one run."""
        network = self._network()
        outputs = dict(zip(network.output_names, network.outputs(self._feed.tensor(canvases)), strict=True))
        try:
            return self._head.decode(outputs, canvases.shape[1:3], lowest)
        except (HeadMismatchError, KeyError) as error:
            raise Refusal("weights_unfit", f"{self.name}: {error}") from error

    def _fixed_side(self, network: Network) -> int:
        """The side of the square that the graph was exported for, 0 where its sides are free.

        Raises Refusal "weights_unfit" where it is fixed to something else than a square.
        """
        sides = network.input_shape[2:] if self._feed.layout == "nchw" else network.input_shape[1:3]
        if not all(isinstance(side, int) for side in sides):
            return 0
        if len(set(sides)) != 1:
            raise Refusal("weights_unfit", f"{self.name} wants pictures of {sides}; only squares are shown.")
        return int(sides[0] or 0)

    def _network(self) -> Network:
        return self._runtime.network(self._file())
