"""The one face that a photo or clip is of: what each picture shows of it, why one does not count, which to keep. Pure.

A photo is of the face that stands out, by as much as its gate asks; a clip is of its main face. Who stands in the
background disturbs neither.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from heirloom.media.types import Image
from heirloom.vision.gates import VERIFY, Gate
from heirloom.vision.tracking import Sighting, Track, View, follow, rivals, stands_as_near
from heirloom.vision.types import Box, FrameAnalysis, Observation, Template

DIFFERENT_POSE_DEG = 15.0
"""Two frames whose heads are turned apart by this are as different as two photos, as far as the pose goes."""


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """What one picture shows of the subject. reasons: codes of why it does not count; empty when it does."""

    at_s: float
    observation: Observation | None
    reasons: tuple[str, ...] = ()

    @property
    def quality(self) -> float:
        return self.observation.quality.score if self.observation else 0.0

    @property
    def template(self) -> Template:
        """The template of a glimpse that counts. Raises ValueError for another."""
        if self.reasons or self.observation is None or self.observation.template is None:
            raise ValueError("only a picture that counts has a template")
        return self.observation.template


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """glimpses: one for each frame of the clip, in order. several_people: it is unclear whose clip this is."""

    glimpses: tuple[Glimpse, ...]
    several_people: bool = False


def model_of(analyses: Iterable[FrameAnalysis]) -> str | None:
    """Return which recogniser made the templates; None where there is none."""
    return next((face.template.model for each in analyses for face in each.faces if face.template), None)


def in_photo(image: Image, analysis: FrameAnalysis, gate: Gate = VERIFY) -> Glimpse:
    """Return what a photo shows, in which one face must stand out: no other may be more than `gate.bystander` of it."""
    if not analysis.faces:
        return Glimpse(0.0, None, ("no_face",))
    face, *others = sorted(analysis.faces, key=lambda each: -prominence(image, each.face.box))
    most = gate.bystander * prominence(image, face.face.box)
    crowded = any(prominence(image, other.face.box) > most for other in others)
    return Glimpse(0.0, face, ("several_faces",) if crowded else _shortcomings(face))


def prominence(image: Image, box: Box) -> float:
    """Return how much a face stands out in its picture: large, in the middle, whole. In pixels; only ratios matter.

    Its side, times exp(-2 d^2), d being how far from the middle it lies in halves of the picture's sides, times the
    share of the box that lies in the picture (docs/models/quality.md has what was measured).
    """
    size = np.array((image.width, image.height), np.float64)
    low, side = np.array((box.x, box.y)), np.array((box.width, box.height))
    away = (low + side / 2) / size * 2 - 1
    inside = np.clip(np.minimum(low + side, size) - np.maximum(low, 0), 0, None)
    return float(np.sqrt(side.prod()) * np.exp(-2 * away @ away) * inside.prod() / max(side.prod(), 1e-9))


def in_clip(views: Sequence[View], same_person_from: float | None) -> Subject:
    """Return what the frames of a clip show of its main face.

    same_person_from: as `tracking.follow` takes it.
    """
    tracks = follow(views, same_person_from=same_person_from)
    others = rivals(tracks)
    glimpses = tuple(_glimpse(number, view, tracks, others) for number, view in enumerate(views))
    return Subject(glimpses, several_people=bool(others))


def unlike_each_other(good: Sequence[Glimpse], most: int) -> list[Glimpse]:
    """Return at most so many of the glimpses that count, in order of time: good ones that differ in time and pose.

    Frames of one clip resemble each other, and the mean of pictures that differ says more than that of near copies.
    The best is taken first; then always the one with the most of quality and of difference to those already taken.
    Quality is the norm of the features where the recogniser gives one (Kim et al., "AdaFace", CVPR 2022, section 3.1:
    it follows the quality of the picture), against the best of these; else the score of the picture.
    """
    strongest = max((glimpse.template.norm or 0.0 for glimpse in good), default=0.0)
    left = sorted(good, key=lambda glimpse: -_worth(glimpse, strongest))
    taken: list[Glimpse] = []
    span_s = max((g.at_s for g in good), default=0.0) - min((g.at_s for g in good), default=0.0)
    step_s = max(span_s / most, 1e-9)
    while left and len(taken) < most:
        best = max(left, key=lambda each: _worth(each, strongest) + _newness(each, taken, step_s))
        left.remove(best)
        taken.append(best)
    return sorted(taken, key=lambda glimpse: glimpse.at_s)


def _worth(glimpse: Glimpse, strongest: float) -> float:
    norm = glimpse.template.norm
    return glimpse.quality / 100 if norm is None or strongest <= 0 else norm / strongest


def _glimpse(number: int, view: View, tracks: Sequence[Track], others: Sequence[Track]) -> Glimpse:
    if not view.faces:
        return Glimpse(view.at_s, None, ("no_face",))
    main, rival = _seen(tracks[:1], number), _seen(others, number)
    if main is not None:
        face = main.observation
        return Glimpse(view.at_s, face, ("several_faces",) if rival is not None else _shortcomings(face))
    if rival is not None:
        return Glimpse(view.at_s, rival.observation, ("several_people_in_clip",))
    piece = _seen([track for track in tracks[1:] if stands_as_near(track, tracks[0])], number)
    if piece is not None and piece.observation.quality.reasons:
        return Glimpse(view.at_s, piece.observation, piece.observation.quality.reasons)
    return Glimpse(view.at_s, view.faces[0], ("person_not_in_frame",))


def _seen(tracks: Sequence[Track], number: int) -> Sighting | None:
    """Return the first sighting of any of the tracks in a frame."""
    return next((each for track in tracks for each in track.sightings if each.frame == number), None)


def _shortcomings(face: Observation) -> tuple[str, ...]:
    return face.quality.reasons or (() if face.template is not None else ("low_quality",))


def _newness(glimpse: Glimpse, taken: Sequence[Glimpse], step_s: float) -> float:
    """Return 0 where the same view of the face is taken already, 1 where none like it is."""
    return min((_difference(glimpse, other, step_s) for other in taken), default=1.0)


def _difference(a: Glimpse, b: Glimpse, step_s: float) -> float:
    """Return 0 for the same view of the face, 1 for one as far off in time and in pose as counts."""
    if a.observation is None or b.observation is None:
        raise ValueError("only pictures that count are compared")
    one, other = a.observation.quality.pose, b.observation.quality.pose
    turn_deg = float(np.hypot(one.yaw - other.yaw, one.pitch - other.pitch))
    return (min(abs(a.at_s - b.at_s) / step_s, 1.0) + min(turn_deg / DIFFERENT_POSE_DEG, 1.0)) / 2
