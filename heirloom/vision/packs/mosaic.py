"""Shows the mmod network pictures of many sizes as one, for a GPU: few shapes, one run, batches with other calls.

The pictures lie on a canvas of a known size, a gap apart, and what lies between them is marked as no picture, so every
score is the one that the picture alone would have. dlib's own detector lays out its pyramid likewise
(`tiled_pyramid` of dlib/image_processing); here the graph's mark spares it the smearing of one picture into the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heirloom.vision.detection import Pixels
from heirloom.vision.runtime import Network
from heirloom.vision.types import Floats

STRIDE_PX = 8
REACH_PX = 28
"""A cell sees 29 pixels each way through the kernels without padding: nearer than this it would see two pictures."""

SMALL, CANVAS = (448, 512), (1344, 1536)
"""Height and width of a sheet. The larger holds the pyramid of a picture of 640 x 640, which is what is searched first;
the pyramids of larger ones take several."""

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies: on which sheet, and its top left corner there."""

    sheet: int
    top: int
    left: int


@dataclass(slots=True)
class _Shelf:
    """A row of pictures, as high as its first. used: of its width."""

    sheet: int
    top: int
    height: int
    used: int = 0


def scores(network: Network, pictures: Sequence[Pixels]) -> list[Floats]:
    """Return for each picture the score of every cell, as `network` answers for it alone: (rows, columns) each.

    pictures: (height, width, 4) uint8 each, as the graph takes them, the tallest first.
    """
    sizes = [(picture.shape[0], picture.shape[1]) for picture in pictures]
    canvas, places = laid_out(sizes)
    sheets = np.zeros((_sheets(places), *canvas, 4), np.uint8)
    for picture, place, (height, width) in zip(pictures, places, sizes, strict=True):
        sheets[place.sheet, place.top : place.top + height, place.left : place.left + width] = picture
    answered = network.run(sheets)[:, 0]
    return [_cut_out(answered, place, size) for place, size in zip(places, sizes, strict=True)]


def _cut_out(answered: Floats, place: Place, size: Size) -> Floats:
    row, column = place.top // STRIDE_PX, place.left // STRIDE_PX
    return answered[place.sheet, row : row + cells(size[0]), column : column + cells(size[1])]


def cells(side: int) -> int:
    """Return how many cells there are along a side: three 5x5 kernels of stride 2 see only what lies inside."""
    for _ in range(3):
        side = (side - 5) // 2 + 1
    return side


def laid_out(sizes: Sequence[Size]) -> tuple[Size, list[Place]]:
    """Return the size of all sheets and the place of each picture; the pictures come the tallest first.

    One small sheet where that holds them, else as many as it takes; a picture larger than CANVAS enlarges them.
    """
    places = _on_shelves(sizes, SMALL)
    if places is not None and _sheets(places) == 1:
        return SMALL, places
    factor = 1
    while (places := _on_shelves(sizes, (factor * CANVAS[0], factor * CANVAS[1]))) is None:
        factor += 1
    return (factor * CANVAS[0], factor * CANVAS[1]), places


def _sheets(places: Sequence[Place]) -> int:
    return 1 + max(place.sheet for place in places)


def _on_shelves(sizes: Sequence[Size], canvas: Size) -> list[Place] | None:
    """Stand pictures side by side, each on the first shelf where it fits; None where one is larger than a sheet."""
    shelves: list[_Shelf] = []
    places = []
    for height, width in sizes:
        if height > canvas[0] or width > canvas[1]:
            return None
        shelf = next((each for each in shelves if height <= each.height and each.used + width <= canvas[1]), None)
        if shelf is None:
            shelf = _next_shelf(shelves, height, canvas)
            shelves.append(shelf)
        places.append(Place(shelf.sheet, shelf.top, shelf.used))
        shelf.used = _beyond(shelf.used + width)
    return places


def _next_shelf(shelves: list[_Shelf], height: int, canvas: Size) -> _Shelf:
    if not shelves:
        return _Shelf(0, 0, height)
    last = shelves[-1]
    top = _beyond(last.top + last.height)
    return _Shelf(last.sheet, top, height) if top + height <= canvas[0] else _Shelf(last.sheet + 1, 0, height)


def _beyond(edge: int) -> int:
    """The first pixel of the grid of cells that no cell sees together with what ends at the edge."""
    return -(-(edge + REACH_PX) // STRIDE_PX) * STRIDE_PX
