"""The same face followed through the frames of one clip: by time, place and size, and by identity where it is known.

Pure. Frames may lie a tenth of a second apart or many seconds: the longer the gap, the further a face may have gone,
and the more its template alone can say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Self

import numpy as np

from heirloom.media.types import Image
from heirloom.vision.comparison import compare, mean_template
from heirloom.vision.types import Box, FrameAnalysis, Observation, Template

REACH_FACES = 0.6
"""How far a face's box may lie from where it was just before, in face sizes: a turning head moves its box so much."""
REACH_FACES_PER_S = 2.0
GROWTH = 1.5
"""How much larger or smaller a face may be than just before. A detector's pyramid alone makes steps of 1.2."""
GROWTH_PER_S = 2.0
LONGEST_MOVE_S = 1.0
"""After this long a face may be anywhere it will ever be; place alone must not reach further."""
LONGEST_UNSEEN_S = 1.0
LIKE_SIZE = 0.6
"""From this share of the main face's size on, a face stands about as near to the camera. Smaller is background."""
EDGE_WEIGHT = 0.5
"""What a face in the corner of the picture counts, against the same face in its middle."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One frame as it was analyzed. width, height: of the image that the faces' pixels belong to."""

    at_s: float
    width: int
    height: int
    faces: tuple[Observation, ...]

    @classmethod
    def of(cls, image: Image, analysis: FrameAnalysis) -> Self:
        return cls(image.at_s or 0.0, image.width, image.height, analysis.faces)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A face in one frame. frame: its number among the views. size: of its box, in the shorter side of the frame.

    edge: how far from the middle of the frame, 0 there and 1 in a corner.
    """

    frame: int
    at_s: float
    observation: Observation
    size: float
    edge: float

    @property
    def identity(self) -> Template | None:
        """The template, where the face is good enough for it to tell one person from another."""
        return None if self.observation.quality.reasons else self.observation.template


class BreakKind(StrEnum):
    JUMP = "jump"  # the same person, but elsewhere or of another size than a face can come to in that time
    GAP = "gap"  # not seen for longer than LONGEST_UNSEEN_S in frames that were looked at
    TAKEN_OVER = "taken_over"  # this face is not there, and another is, of its size or in its place


@dataclass(frozen=True, slots=True)
class Break:
    """Where a track is no longer one unbroken view of one face. frame, at_s: the first frame after it."""

    kind: BreakKind
    frame: int
    at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face through the clip. sightings: in order of time, at most one a frame, never empty.

    prominence: how large, often seen and central it is; to compare tracks of one clip only.
    breaks: in order of time; empty where one face was followed all the way from its first to its last sighting.
    """

    sightings: tuple[Sighting, ...]
    prominence: float
    breaks: tuple[Break, ...] = ()

    @property
    def size(self) -> float:
        return median(sighting.size for sighting in self.sightings)

    @property
    def frames(self) -> frozenset[int]:
        return frozenset(sighting.frame for sighting in self.sightings)


def follow(views: Sequence[View], *, same_person_from: float | None = None) -> tuple[Track, ...]:
    """Return the faces of a clip, the main one first: the largest, most often seen, most central.

    views: in order of time. same_person_from: the raw comparison score under which two good pictures show two people
    (and from which they show one, wherever in the frame); None where that was not measured, then place alone tells.
    Only a template of a frame without quality reasons speaks of identity: heads turned away all look alike.
    """
    growing: list[_Growing] = []
    for number, view in enumerate(views):
        faces = [_sighting(number, view, face) for face in view.faces]
        taken = _assign(growing, faces, same_person_from)
        for face, track in zip(faces, taken, strict=True):
            if track is None:
                growing.append(_Growing([face]))
            else:
                track.add(face)
    tracks = [Track(tuple(each.sightings), _prominence(each.sightings, len(views))) for each in growing]
    tracks.sort(key=lambda track: -track.prominence)
    return tuple(Track(track.sightings, track.prominence, _breaks(track, tracks)) for track in tracks)


def rivals(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Return the tracks that make it unclear whose clip this is: faces about as large as the main one, and not its.

    Seen beside it in one frame, or told apart from it by identity. A piece of a track whose identity is unknown and
    that is never seen beside the main face may be the same person, and is no rival.
    """
    if not tracks:
        return ()
    main = tracks[0]
    return tuple(
        other
        for other in tracks[1:]
        if stands_as_near(other, main) and (main.frames & other.frames or (_is_known(main) and _is_known(other)))
    )


@dataclass(slots=True, eq=False)
class _Growing:
    """A track while the clip is being read. mean: of what is known of its identity."""

    sightings: list[Sighting]
    mean: Template | None = field(init=False, default=None)
    known: list[Template] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._learn(self.sightings[0])

    def add(self, sighting: Sighting) -> None:
        self.sightings.append(sighting)
        self._learn(sighting)

    def _learn(self, sighting: Sighting) -> None:
        if sighting.identity is not None:
            self.known.append(sighting.identity)
            self.mean = mean_template(self.known)


def _assign(
    tracks: Sequence[_Growing], faces: Sequence[Sighting], same_person_from: float | None
) -> list[_Growing | None]:
    """Give each face the track it is most like, the likest pair first; None where it is like none."""
    scored = [
        (likeness, t, f)
        for t, track in enumerate(tracks)
        for f, face in enumerate(faces)
        if (likeness := _likeness(track, face, same_person_from)) is not None
    ]
    taken: dict[int, int] = {}
    for _, t, f in sorted(scored, reverse=True):
        if f not in taken and t not in taken.values():
            taken[f] = t
    return [tracks[taken[f]] if f in taken else None for f in range(len(faces))]


def _likeness(track: _Growing, face: Sighting, same_person_from: float | None) -> float | None:
    """Return how well a face continues a track; over 1 where identity says so, None where it cannot."""
    nearness = _nearness(track.sightings[-1], face)
    if same_person_from is None or track.mean is None or face.identity is None:
        return nearness
    score = compare(face.identity, track.mean)
    return 2.0 + score if score >= same_person_from else None


def _nearness(before: Sighting, now: Sighting) -> float | None:
    """Return 1 for the same place and size, falling to 0 at the reach of a face in that time; None beyond."""
    a, b = before.observation.face.box, now.observation.face.box
    gap_s = min(max(now.at_s - before.at_s, 0.0), LONGEST_MOVE_S)
    distance = float(np.hypot(*(_middle(a) - _middle(b)))) / np.sqrt(_side(a) * _side(b))
    growth = abs(np.log(_side(a) / _side(b)))
    reach = REACH_FACES + REACH_FACES_PER_S * gap_s
    limit = np.log(GROWTH) + np.log(GROWTH_PER_S) * gap_s
    left = 1.0 - max(distance / reach, growth / limit)
    return float(left) if left >= 0 else None


def _breaks(track: Track, tracks: Sequence[Track]) -> tuple[Break, ...]:
    found = [*_own_breaks(track), *_takeovers(track, tracks)]
    return tuple(sorted(found, key=lambda each: (each.frame, each.kind)))


def _own_breaks(track: Track) -> Iterator[Break]:
    for before, now in pairwise(track.sightings):
        if _nearness(before, now) is None:
            yield Break(BreakKind.JUMP, now.frame, now.at_s)
        if now.frame - before.frame > 1 and now.at_s - before.at_s > LONGEST_UNSEEN_S:
            yield Break(BreakKind.GAP, now.frame, now.at_s)


def _takeovers(track: Track, tracks: Sequence[Track]) -> Iterator[Break]:
    """The first frame in which each other face stands in for this one: of its size or in its place, without it."""
    for other in (each for each in tracks if each is not track):
        alone = (sighting for sighting in other.sightings if sighting.frame not in track.frames)
        stands_in = next((each for each in alone if stands_as_near(other, track) or _in_place_of(track, each)), None)
        if stands_in is not None:
            yield Break(BreakKind.TAKEN_OVER, stands_in.frame, stands_in.at_s)


def _in_place_of(track: Track, face: Sighting) -> bool:
    nearest = min(track.sightings, key=lambda sighting: abs(sighting.at_s - face.at_s))
    a, b = nearest.observation.face.box, face.observation.face.box
    return float(np.hypot(*(_middle(a) - _middle(b)))) <= REACH_FACES * max(_side(a), _side(b))


def stands_as_near(other: Track, main: Track) -> bool:
    """Return whether a face is about as large as the main one, or larger: no mere background."""
    return other.size >= LIKE_SIZE * main.size


def _is_known(track: Track) -> bool:
    return any(sighting.identity is not None for sighting in track.sightings)


def _prominence(sightings: Sequence[Sighting], frames: int) -> float:
    return sum(each.size * (1 - EDGE_WEIGHT * each.edge) for each in sightings) / frames


def _sighting(number: int, view: View, face: Observation) -> Sighting:
    half = np.array([view.width, view.height]) / 2
    edge = float(np.hypot(*((_middle(face.face.box) - half) / half))) / np.sqrt(2)
    return Sighting(number, view.at_s, face, _side(face.face.box) / min(view.width, view.height), min(edge, 1.0))


def _side(box: Box) -> float:
    return float(np.sqrt(max(box.width, 1.0) * max(box.height, 1.0)))


def _middle(box: Box) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([box.x + box.width / 2, box.y + box.height / 2])
