"""In which box the sixty-eight landmarks are to be looked for, on heads turned aside."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import dlib
import numpy as np

from bench.challenges import people
from bench.performing import Attitude, Pixels, Points, bent, noisy
from heirloom.media.types import Image
from heirloom.vision.detection import Search, squared
from heirloom.vision.landmarks import Landmarks, five_of
from heirloom.vision.motion import Moment
from heirloom.vision.packs.dlib import MmodDetector
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import Box, Floats

PEOPLE = 40
TURNED = {"to the left": (1, 0), "to the right": (-1, 0), "up": (0, 1), "down": (0, -1)}
DEGREES = (16, 19, 22, 25)
LOST_DEG = 12.0
"""A head bent by any of DEGREES that measures less than this is taken for one that looks ahead."""
NOISE = 3.0
Locate = Callable[[Pixels, Box], Floats]


def rows(assets: Path, models_dir: Path) -> list[tuple[str, ...]]:
    """Return, for each box and direction, how many of the bent heads lose their turn."""
    landmarks = Landmarks()
    boxes: dict[str, Locate] = {
        "the detector's": landmarks.points68,
        "centred by the five points (in use)": lambda pixels, box: landmarks.both(pixels, box)[1],
    }
    detector = MmodDetector(Runtime(threads=1), models_dir, landmarks)
    detector.load()
    heads = _heads(assets, detector)
    return [(name, *_lost(heads, boxes[name])) for name in boxes]


def relation(assets: Path, models_dir: Path) -> tuple[float, float]:
    """Return how dlib's HOG box lies to the detector's on the same faces, as medians of shares of the latter's side.

    How far its middle lies below the middle of eyes and nose, and its side: BELOW_SHARE and SIDE_SHARE of landmarks.
    """
    landmarks, finder = Landmarks(), dlib.get_frontal_face_detector()
    detector = MmodDetector(Runtime(threads=1), models_dir, landmarks)
    detector.load()
    found = []
    for face in people(assets, PEOPLE):
        pixels = np.ascontiguousarray(face.frames[0])
        hog, box = max(finder(pixels, 1), key=lambda each: each.area()), _box(detector, pixels)
        if box is not None:
            side = squared(box).width
            eyes_and_nose = np.array([(p.x, p.y) for p in landmarks.shape5(pixels, box).parts()], np.float64)
            middle = (eyes_and_nose[:4].reshape(2, 2, 2).mean(axis=1).sum(axis=0) + eyes_and_nose[4]) / 3
            found.append(((hog.top() + hog.height() / 2 - middle[1]) / side, hog.width() / side))
    below, wide = np.median(found, axis=0)
    return float(below), float(wide)


def _heads(assets: Path, detector: MmodDetector) -> list[tuple[str, Pixels, Box, Pixels, Box]]:
    """Return each bent head with its direction and box, and the same person looking ahead with theirs."""
    random, heads = np.random.default_rng(0), []
    for face in people(assets, PEOPLE):
        ahead, points = face.frames[0], face.landmarks[0]
        ahead_box = _box(detector, ahead)
        for (name, way), degrees in product(TURNED.items(), DEGREES):
            turned = _turned(ahead, points, way, degrees, random)
            box = _box(detector, turned)
            if ahead_box is not None and box is not None:
                heads.append((name, turned, box, ahead, ahead_box))
    return heads


def _turned(ahead: Pixels, points: Points, way: tuple[int, int], degrees: float, random: np.random.Generator) -> Pixels:
    across, up = way
    return noisy(bent(ahead, points, Attitude(across * degrees, up * degrees)), NOISE, random)


def _lost(heads: Sequence[tuple[str, Pixels, Box, Pixels, Box]], locate: Locate) -> tuple[str, ...]:
    lost, all_of = dict.fromkeys(TURNED, 0), dict.fromkeys(TURNED, 0)
    for name, turned, box, ahead, ahead_box in heads:
        now, before = (Moment.seen(0.0, five_of(locate(*each)), None) for each in ((turned, box), (ahead, ahead_box)))
        across, up = TURNED[name]
        shown = across * (now.turn - before.turn) + up * (now.nod - before.nod)
        lost[name] += shown < LOST_DEG
        all_of[name] += 1
    return tuple(f"{lost[name]} of {all_of[name]}" for name in TURNED)


def _box(detector: MmodDetector, pixels: Pixels) -> Box | None:
    shorter = min(pixels.shape[:2])
    faces = detector.detect(Image(np.ascontiguousarray(pixels)), Search(min_face_px=shorter // 5))
    return faces[0].box if faces else None
