"""Which of several faces a photo is of: how often the rule of prominence picks the wrong one."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from bench.studies.seen import Doubles, Seen
from heirloom.evaluation.rates import rate
from heirloom.evaluation.report import Section, Table
from heirloom.media.types import Image
from heirloom.vision.gates import ENROLL, VERIFY
from heirloom.vision.subject import prominence
from heirloom.vision.types import Box

SIDE = 250
PLACES = {
    "in the middle": 0.0,
    "an eighth of the width off": 0.125,
    "a quarter off": 0.25,
    "half way between both": 0.5,
}
"""How far the middle of the picture lies towards the other one, as a share of what is between them."""
SIZES = (0.5, 0.75, 1.0, 1.5)


def standing(seen: Seen) -> Section:
    """Return the table of what both gates do with two people side by side, from the boxes of LFW's faces."""
    rows = [
        (f"{place}, the other {size:g} times as large", *_row(seen, share, size)) for place, share, size in _cells()
    ]
    several = seen.rival > 0
    taken = several & (seen.rival <= VERIFY.bystander)
    text = (
        "Two photos of two people side by side, the second one larger or smaller, as a camera sees them that points at "
        "the first, or between both; by the boxes of their faces. *right*, *wrong*: the first or the second is taken; "
        f"*refused*: `several_faces`. Among LFW's own photos {int(several.sum())} show several faces; "
        f"{int(taken.sum())} of them are taken now, {int((taken & ~seen.right).sum())} of these by another face than "
        f"the labelled one ({rate(int((taken & ~seen.right).sum()), int(taken.sum()))}); the gate of an enrollment "
        f"takes {int((several & (seen.rival <= ENROLL.bystander)).sum())}. LFW's faces stand in the middle, which "
        "flatters the rule."
    )
    header = ("the camera points", "right", "wrong", "refused", "refused for enrollment")
    return Section("standing", "Several faces", (text,), Table(header, tuple(rows)))


def _cells() -> Iterator[tuple[str, float, float]]:
    for place, share in PLACES.items():
        for size in SIZES:
            yield place, share, size


def _row(seen: Seen, share: float, size: float) -> tuple[str, ...]:
    alone = [k for k in range(len(seen.people)) if seen.rival[k] == 0]
    right = wrong = refused = strict = 0
    for one, other in pairwise(alone[::3]):
        first, second = _side_by_side(seen.boxes[one], seen.boxes[other], share, size)
        ratio = second / max(first, 1e-9)
        lesser = min(ratio, 1 / max(ratio, 1e-9))
        strict += lesser > ENROLL.bystander
        if lesser > VERIFY.bystander:
            refused += 1
        elif ratio < 1:
            right += 1
        else:
            wrong += 1
    of = right + wrong + refused
    return (*(str(rate(count, of)) for count in (right, wrong)), f"{refused / of:.0%}", f"{strict / of:.0%}")


def _side_by_side(first: Doubles, second: Doubles, share: float, size: float) -> tuple[float, float]:
    """The prominence of both in a picture one photo and a half wide, whose middle lies so far towards the other."""
    one, other = _box(first, 0.0, 1.0), _box(second, float(SIDE), size)
    between = other.x + other.width / 2 - one.x - one.width / 2
    width, height = round(1.5 * SIDE), SIDE
    left = one.x + one.width / 2 + share * between - width / 2
    image = Image(np.broadcast_to(np.zeros(1, np.uint8), (height, width, 3)))
    seen = (Box(each.x - left, each.y, each.width, each.height) for each in (one, other))
    found = [prominence(image, each) if each.x < width and each.x + each.width > 0 else 0.0 for each in seen]
    return found[0], found[1]


def _box(box: Doubles, right: float, size: float) -> Box:
    """Scaled about the middle of its photo, then moved to the right."""
    x, y, width, height = box.tolist()
    middle = SIDE / 2
    return Box((x - middle) * size + middle + right, (y - middle) * size + middle, width * size, height * size)
