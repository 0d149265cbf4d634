"""Places where two recordings of a real person were put together: which are seen, and what else is taken for one.

What bench.performing makes moves as it was told to. These are the shared clips, and nobody told their people anything.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np

from heirloom.decision.challenge import is_cut
from heirloom.media import video
from heirloom.media.limits import Limits
from heirloom.media.types import Image
from heirloom.vision.motion import Change, Changes
from verification.services.performances import FRAMES_PER_S

ONE_WEBCAM = "signer_*"
"""Clips of one person before one camera."""
CUT_BEFORE = "stage_*"
"""A clip that was cut together by whoever published it."""
SIDE_PX = 320
AROUND = 15
"""Frames on each side of a join: half a second."""
TIMES = 30
QUIET_PERCENTILE = 60
"""Little moves where no frame around changes by more than this share of all frames do."""
LOST = 0.1
"""Of the frames, on a busy machine."""

Clip = Sequence[Image]


def shown(assets: Path, chance: random.Random) -> Iterator[tuple[str, list[str]]]:
    """Yield what was shown, and for each of it "spliced" where a join was seen, "" where none was."""
    paths = [path for path in sorted((assets / "data/clips").iterdir()) if not path.match(CUT_BEFORE)]
    clips = {path: _read(path) for path in paths}
    webcam = [clip for path, clip in clips.items() if path.match(ONE_WEBCAM)]
    pairs = [pair for pair in permutations(webcam, 2) for _ in range(TIMES)]
    joined = [_joined(a, _anywhere(a, chance), b, _anywhere(b, chance)) for a, b in pairs]
    yield "real: two webcam recordings of one person, joined anywhere", _told(joined)
    quiet = [(clip, _quiet_pairs(clip)) for clip in clips.values()]
    joined = [_joined(clip, i, clip, j) for clip, at in quiet if at for i, j in chance.choices(at, k=TIMES)]
    yield "real: one recording joined to itself where little moves", _told(joined)
    lossy = [[image for image in clip if chance.random() >= LOST] for clip in clips.values() for _ in range(TIMES)]
    yield "real: a recording without joins", _told(list(clips.values()))
    yield "real: a recording without joins, a tenth of its frames lost", _told(lossy)


def _read(path: Path) -> Clip:
    facts = video.probe(path)
    dense = Limits(max_frames=round(facts.duration_s * FRAMES_PER_S))
    return video.sample(path, facts, dense, max_side=SIDE_PX, evenly=True)


def _told(clips: Sequence[Clip]) -> list[str]:
    return ["spliced" if is_cut(_changes(clip)) else "" for clip in clips]


def _changes(clip: Clip) -> list[Change]:
    changes = Changes()
    for _ in changes.noting(clip):
        pass
    return changes.found


def _joined(before: Clip, until: int, after: Clip, since: int) -> Clip:
    """Return half a second of each, timed as one clip."""
    images = [*before[max(0, until - AROUND) : until], *after[since : since + AROUND]]
    return [replace(image, at_s=number / FRAMES_PER_S) for number, image in enumerate(images)]


def _anywhere(clip: Clip, chance: random.Random) -> int:
    return chance.randrange(AROUND, len(clip) - AROUND)


def _quiet_pairs(clip: Clip) -> list[tuple[int, int]]:
    """Two places around which little moves, with time for movement between them."""
    levels = np.array([change.levels for change in _changes(clip)])
    little = np.percentile(levels, QUIET_PERCENTILE)
    places = [at for at in range(AROUND, len(clip) - AROUND) if levels[at - 4 : at + 4].max() < little]
    return [(i, j) for i, j in permutations(places, 2) if abs(i - j) >= AROUND]
