"""The input contracts of recognisers: how a face is cut out and fed, and what the answer's length means."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from heirloom.media.types import Image
from heirloom.vision.alignment import ARCFACE_SIDE, arcface_chip
from heirloom.vision.detection import Pixels
from heirloom.vision.feed import Feed
from heirloom.vision.types import Face

DATA_FILE = Path(__file__).with_name("contracts.toml")
ALIGNMENTS = ("arcface", "level")
FEED_KEYS = frozenset(each.name for each in fields(Feed))
DEFAULT = "arcface"


@dataclass(frozen=True, slots=True)
class Contract:
    """side: of the chip, in pixels. align: "arcface" or "level". source: where this is published.

    norm_is_quality: whether the length of the features before they are scaled to one tells how good the picture is.
    """

    feed: Feed = field(default_factory=Feed)
    side: int = ARCFACE_SIDE
    align: str = "arcface"
    norm_is_quality: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        if self.align not in ALIGNMENTS or self.side < 1:
            raise ValueError(f"align must be one of {ALIGNMENTS} and side positive")

    def chip(self, image: Image, face: Face) -> Pixels:
        """Return the face as the network was trained to see it: (side, side, 3) uint8 RGB."""
        if self.align == "arcface":
            return arcface_chip(image.pixels, face.points5, self.side)
        return level_chip(image, face, self.side)

    def __str__(self) -> str:
        norm = "; the features' norm is a quality" if self.norm_is_quality else ""
        return f"{self.side}x{self.side} {self.feed}, {self.align} alignment{norm}"


@cache
def contracts() -> dict[str, Contract]:
    """Return the published contracts by name."""
    with DATA_FILE.open("rb") as file:
        return {name: contract_of(row) for name, row in tomllib.load(file).items()}


def contract_of(row: Mapping[str, Any], base: Contract | None = None) -> Contract:
    """Return the contract that a table describes, what it leaves out being as in `base`.

    Raises TypeError for a key that no contract has, ValueError for a value that cannot be.
    """
    base = base or Contract()
    known = {each.name: getattr(base, each.name) for each in fields(base)}
    rest = {key: value for key, value in row.items() if key not in FEED_KEYS}
    return Contract(**(known | rest | {"feed": feed_of(row, base.feed)}))


def feed_of(row: Mapping[str, Any], base: Feed) -> Feed:
    """Return the feed that a table describes, what it leaves out being as in `base`; raises as Feed does."""
    given = {key: row[key] for key in FEED_KEYS & row.keys()}
    for key in given.keys() & {"mean", "std"}:
        numbers = given[key] if isinstance(given[key], list) else [given[key]] * 3
        given[key] = tuple(float(number) for number in numbers)
    return Feed(**({each.name: getattr(base, each.name) for each in fields(base)} | given))


def level_chip(image: Image, face: Face, side: int) -> Pixels:
    """Return (side, side, 3): the box's square with the eyes turned level, black beyond the frame."""
    eyes = face.points5[1] - face.points5[0]
    box, longest = face.box, max(face.box.width, face.box.height)
    middle = (box.x + box.width / 2, box.y + box.height / 2)
    matrix = cv2.getRotationMatrix2D(middle, math.degrees(math.atan2(float(eyes[1]), float(eyes[0]))), side / longest)
    matrix = np.asarray(matrix, np.float64) + np.array([(0, 0, side / 2 - middle[0]), (0, 0, side / 2 - middle[1])])
    return np.asarray(cv2.warpAffine(image.pixels, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
