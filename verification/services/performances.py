"""A clip watched for its challenge: many small frames for how the head moves, a few for who it is. No rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from heirloom.decision import challenge
from heirloom.decision.challenge import Step, Verdict
from heirloom.media.types import Image
from heirloom.vision.comparison import compare, mean_template
from heirloom.vision.motion import Change, Changes, Moment
from heirloom.vision.tracking import BreakKind, Track, View, follow, rivals
from heirloom.vision.types import AnalysisRequest, AttackOutcome, FrameAnalysis, Template, Vision

FRAMES_PER_S = 30
"""So many frames of a second are looked at for whether the clip was put together from several."""
EVERY_S = 0.125
MOST_SIDE = 640
"""What heads do is seen eight times a second and at this size."""
ROUNDED = 0.01
"""Of EVERY_S: clips state their times in whole milliseconds."""
SMALLEST_FACE = 0.2
"""Of the frame's shorter side: a face held to a camera is larger, and looking for smaller ones costs time."""
BATCH = 16
TAIL_S = 10.0
"""How much longer than its last step a clip may go on."""
STILL_FRAMES = 8
STILL_DEG = 8.0
"""Frames that say who it is look straight ahead, by this much."""


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """verdict: on the challenge. stills: frames, in order of time, in which the person looks straight ahead.

    moments: what the main face did. changes: from each frame to the next.
    """

    verdict: Verdict
    stills: tuple[Image, ...]
    moments: tuple[Moment, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """images: EVERY_S apart, or as far as the clip's own frames are. changes: of all that were looked at."""

    images: tuple[Image, ...]
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, images: Iterable[Image]) -> Self:
        """Look at the frames as they come, FRAMES_PER_S of them, and keep a few."""
        changes, kept, last = Changes(), [], -1
        for image in changes.noting(images):
            turn = int((image.at_s or 0.0) / EVERY_S + ROUNDED)
            if turn > last:
                kept.append(image)
                last = turn
        return cls(tuple(kept), tuple(changes.found))


def longest_s(steps: Sequence[Step]) -> float:
    """Return how long a clip of these steps may be."""
    return steps[-1].to_s + TAIL_S


def watch(
    movement: Movement,
    *,
    steps: Sequence[Step],
    clip_s: float | None,
    available: timedelta,
    vision: Vision,
    same_person_from: Callable[[str], float | None],
) -> Performance:
    """Judge a clip by how its frames move.

    clip_s: how long it says it is; None: it does not say. available: from the challenge to the clip's arrival.
    same_person_from: as `probes.look` takes it.
    """
    images = movement.images
    tracks = follow([view for batch in _batches(images) for view in _seen(batch, vision)])
    if not tracks:
        return Performance(challenge.failed("challenge_unclear"), tuple(images[:: max(1, len(images) // STILL_FRAMES)]))
    main = tracks[0]
    moments = [Moment.of(sighting) for sighting in main.sightings]
    stills = [images[main.sightings[k].frame] for k in _stills(moments)]
    verdict = _told(tracks, clip_s, available) or challenge.judge(moments, steps, movement.changes)
    if verdict.outcome is AttackOutcome.BONA_FIDE:
        turned = [_nearest(images, (g.reached_s + g.left_s) / 2) for g in verdict.gestures]
        if not _one_person(stills, turned, vision, same_person_from):
            verdict = challenge.failed("challenge_face_changed", verdict.gestures)
    return Performance(verdict, tuple(stills), tuple(moments), movement.changes)


def _told(tracks: Sequence[Track], clip_s: float | None, available: timedelta) -> Verdict | None:
    """What speaks against a clip before anybody looks at the movement."""
    early = challenge.too_early(clip_s, available.total_seconds())
    if early:
        return challenge.failed("challenge_recorded_early")
    if early is None:
        return challenge.failed("challenge_unclear")
    breaks = {each.kind for each in tracks[0].breaks}
    if rivals(tracks) or BreakKind.TAKEN_OVER in breaks:
        return challenge.failed("challenge_face_changed")
    if breaks:
        return challenge.failed("challenge_spliced" if BreakKind.JUMP in breaks else "challenge_unclear")
    return None


def _batches(images: Sequence[Image]) -> Iterator[Sequence[Image]]:
    return (images[start : start + BATCH] for start in range(0, len(images), BATCH))


def _seen(batch: Sequence[Image], vision: Vision) -> Iterator[View]:
    shorter = min(batch[0].width, batch[0].height) / batch[0].scale
    smallest = max(1, round(shorter * SMALLEST_FACE))
    request = AnalysisRequest(min_face_px=smallest, max_faces=4, use_fallback=False, prove_upright=False)
    return (View.of(*seen) for seen in zip(batch, vision.analyze(batch, request), strict=True))


def _stills(moments: Sequence[Moment]) -> list[int]:
    """Return a few of the moments that look as straight ahead as the first ones do, spread over the clip."""
    ahead = challenge.at_rest(moments, STILL_DEG) or list(range(len(moments)))
    every = max(1, len(ahead) / STILL_FRAMES)
    return [ahead[int(k * every)] for k in range(min(STILL_FRAMES, len(ahead)))]


def _nearest(images: Sequence[Image], at_s: float) -> Image:
    return min(images, key=lambda image: abs((image.at_s or 0.0) - at_s))


def _one_person(
    stills: Sequence[Image], turned: Sequence[Image], vision: Vision, same_person_from: Callable[[str], float | None]
) -> bool:
    """Whether most of the gestures are shown by the face that looks straight ahead.

    A head turned aside is less like itself, so some may fall short; that the face was followed without a break speaks
    for the rest. The head was followed as the frames are, so a face that is upright only once they are turned counts as
    not shown: what was measured of its movement was misread.
    """
    request = AnalysisRequest(want=frozenset({"template"}), main_face_only=True)
    shown = [_as_followed(analysis) for analysis in vision.analyze([*stills, *turned], request)]
    ahead, aside = [t for t in shown[: len(stills)] if t], [t for t in shown[len(stills) :] if t]
    floor = same_person_from(ahead[0].model) if ahead else None
    if floor is None or not aside:
        return bool(ahead and aside)  # unmeasured: such a comparison goes to a reviewer whatever is said here
    mean = mean_template(ahead)
    return 2 * sum(compare(template, mean) >= floor for template in aside) > len(turned)


def _as_followed(analysis: FrameAnalysis) -> Template | None:
    face = analysis.faces[0] if analysis.faces else None
    return face.template if face is not None and face.face.turn == 0 else None
