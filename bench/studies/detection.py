"""What a first look at a small copy of a photo misses."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from heirloom.errors import Refusal
from heirloom.evaluation.pictures import SUFFIXES
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision.detection import Search, overlaps
from heirloom.vision.landmarks import Landmarks
from heirloom.vision.packs.dlib import MmodDetector
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import Box, Face

SIDES_PX = (160, 240, 320, 480, 640)
CLOSEST_PX = 1280
SAME_FACE = 0.3


def photos_in(folders: Sequence[Path], most: int) -> list[Image]:
    """Return the readable photos anywhere under these folders, at most so many of each, spread over them."""
    found: list[Image] = []
    for folder in folders:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        for path in paths[:: max(1, len(paths) // most)][:most]:
            try:
                found.append(read_image(path.read_bytes()))
            except Refusal:
                continue
    return found


def rows(photos: Sequence[Image], models_dir: Path) -> list[tuple[str, ...]]:
    """Return, for each size: how many of the largest faces that CLOSEST_PX finds are found too, and how many of those
    that are at least the detector's window there. Nothing is enlarged.
    """
    detector = MmodDetector(Runtime(threads=1), models_dir, Landmarks())
    detector.load()
    thorough = [_faces(detector, photo, CLOSEST_PX) for photo in photos]
    shown = [(photo, faces[0]) for photo, faces in zip(photos, thorough, strict=True) if faces]
    return [_row(detector, shown, side) for side in SIDES_PX]


def _row(detector: MmodDetector, shown: Sequence[tuple[Image, Face]], side: int) -> tuple[str, ...]:
    found, wide, missed = 0, [], 0
    for photo, main in shown:
        faces = _faces(detector, photo, side)
        width = main.box.width * min(1.0, side / max(photo.height, photo.width))
        same = any(_overlap(main.box, face.box) > SAME_FACE for face in faces)
        found += same
        missed += not same and width >= detector.smallest_face_px
        wide.append(width)
    large = sum(width >= detector.smallest_face_px for width in wide)
    return f"{side} px", f"{found} of {len(shown)}", f"{large - missed} of {large}"


def _faces(detector: MmodDetector, photo: Image, side: int) -> tuple[Face, ...]:
    side = min(side, max(photo.height, photo.width))
    return detector.detect(photo, Search(min_face_px=1, working_side_px=side))


def _overlap(one: Box, other: Box) -> float:
    first, second = (np.array([box.x, box.y, box.width, box.height]) for box in (one, other))
    return float(overlaps(first, second[None])[0])
