"""`python -m bench.challenges`: whom the active challenge lets pass and whom not, told by the product's own judge.

Nobody performed for this: bench.performing and bench.presenting make clips out of photos and clips, so what real people
do, and what real attackers would, is not measured. The faces are those of HEIRLOOM_TEST_ASSETS.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from itertools import cycle, islice, permutations
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from bench import joins
from bench.instance import ROOT
from bench.performing import FRAME_RATE, Performer, Pixels, Points, film, landmarked, performed, selfie
from bench.presenting import presented
from bench.table import piped
from heirloom.decision.challenge import HEAD, LEAD_S, STEP_S, Step, draw, judge, schedule
from heirloom.decision.gestures import Kind
from heirloom.decision.policy_files import load
from heirloom.evaluation.rates import wilson
from heirloom.media import video
from heirloom.media.limits import Limits
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.landmarks import five_of
from heirloom.vision.pose import pose_of
from heirloom.vision.types import AttackOutcome
from verification.services import performances
from verification.services.performances import Movement, Performance

PAGE = ROOT / "docs" / "challenges.md"
MODELS_DIR = Path(os.environ.get("MODELS_DIR", ROOT / "var" / "models"))
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"
LONG_ENOUGH = timedelta(seconds=60)
SAME_PERSON_FMR = 1e-2
STRAIGHT_DEG = 12.0
HEADER = ("shown", "clips", "passed", "in truth (95 %)", "the others were told")


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """Somebody as a selfie shows them: one photo or the frames of a clip, and the landmarks of each."""

    frames: Sequence[Pixels]
    landmarks: Sequence[Points]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What the judge said of one clip, and what it was to show."""

    steps: tuple[Step, ...]
    performance: Performance

    @property
    def passed(self) -> bool:
        return self.performance.verdict.outcome is AttackOutcome.BONA_FIDE


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """A clip that is still to be made: what gives its frames, wherever it is called, and what it is to show."""

    frames: Callable[[], Iterable[Pixels]]
    steps: tuple[Step, ...]


class Studio:
    """Has clips made and judged as the product does, one on each processor at a time."""

    def __init__(self, random: random.Random) -> None:
        # Started anew, not forked: the parent's threads would not come along. One thread for each core is enough.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        self._judges = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"))
        self._random = random

    def challenge(self, kinds: Sequence[Kind] = HEAD) -> tuple[Step, ...]:
        return schedule(draw(kinds, self._random.choice))

    def performer(self) -> Performer:
        """Somebody who turns the head more or less far, sooner or later, faster or slower."""
        some, seed = self._random.uniform, self._random.randrange(2**31)
        return Performer(some(16, 20), some(0.3, 0.8), some(0.35, 0.6), some(0.5, 0.8), noise=3.0, seed=seed)

    def judged(self, takes: Iterable[Take]) -> list[Told]:
        return list(self._judges.map(_judged, takes))


@cache
def _engine() -> VisionEngine:
    engine = VisionEngine(VisionConfig(models_dir=MODELS_DIR, threads=1))
    engine.load()
    return engine


def _judged(take: Take) -> Told:
    """Film the frames, read the film as an upload is read, and judge it."""
    with tempfile.TemporaryDirectory() as folder:
        clip = film(iter(take.frames()), Path(folder) / "clip.mp4")
        facts = video.probe(clip)
        dense = Limits(max_frames=round(facts.duration_s * performances.FRAMES_PER_S))
        movement = Movement.of(video.frames(clip, facts, dense, max_side=performances.MOST_SIDE, evenly=True))
    performance = performances.watch(
        movement,
        steps=take.steps,
        clip_s=facts.duration_s,
        available=LONG_ENOUGH,
        vision=_engine(),
        same_person_from=_same_person_from,
    )
    return Told(take.steps, replace(performance, stills=()))


def people(assets: Path, count: int) -> list[Face]:
    """Return so many people of LFW, one photo each, in which they look into the camera, as for a selfie."""
    photos = sorted(folder for folder in (assets / "data/faces/lfw").iterdir() if folder.is_dir())
    found: list[Face] = []
    for folder in photos[:: max(1, len(photos) // (3 * count))]:
        pixels = np.asarray(PillowImage.open(min(folder.iterdir())).convert("RGB"), np.uint8)
        points = landmarked(pixels)
        if points is not None and _looks_ahead(points) and len(found) < count:
            found.append(Face(*selfie([pixels])))
    return found


def clips(assets: Path) -> dict[str, Face]:
    """Return the shared clips that show one face well enough, by name."""
    found = {}
    for path in sorted((assets / "data/clips").iterdir()):
        facts = video.probe(path)
        count = min(24, round(facts.duration_s * FRAME_RATE))
        images = video.sample(path, facts, Limits(max_frames=count), max_side=640, evenly=True)
        if landmarked(images[0].pixels) is not None:
            found[path.stem] = Face(*selfie([image.pixels for image in images]))
    return found


def acted(studio: Studio, faces: Sequence[Face], kinds: Sequence[Kind] = HEAD) -> list[Told]:
    """Everybody does what is asked."""
    takes = []
    for face in faces:
        steps = studio.challenge(kinds)
        how = (face.frames, face.landmarks, steps, steps[-1].to_s, studio.performer())
        takes.append(Take(partial(performed, *how), steps))
    return studio.judged(takes)


def idle(studio: Studio, faces: Sequence[Face]) -> list[Told]:
    """Clips of people who were asked nothing, forwards and backwards until they are long enough."""
    takes = []
    for face in faces:
        steps = studio.challenge()
        there_and_back = [*face.frames, *face.frames[-2:0:-1]]
        takes.append(Take(partial(_looped, there_and_back, round(steps[-1].to_s * FRAME_RATE)), steps))
    return studio.judged(takes)


def _looped(frames: Sequence[Pixels], count: int) -> Iterator[Pixels]:
    return islice(cycle(frames), count)


def photos(studio: Studio, faces: Sequence[Face], *, bend: float, still: bool = False) -> list[Told]:
    """A photo of everybody in a hand, kept still or turned as is asked, flat or bent."""
    takes = []
    for face in faces:
        steps = studio.challenge()
        how = (face.frames[0], () if still else steps, steps[-1].to_s, studio.performer())
        takes.append(Take(partial(presented, *how, bend=bend), steps))
    return studio.judged(takes)


def replayed(studio: Studio, recordings: Sequence[Told]) -> list[Told]:
    """Each recording handed in for another challenge."""
    others = [next(s for s in iter(studio.challenge, None) if s != each.steps) for each in recordings]
    return [_rejudged(each, steps) for each, steps in zip(recordings, others, strict=True)]


def reordered(studio: Studio, recordings: Sequence[Told], random: random.Random) -> list[Told]:
    """Each recording handed in for the same gestures in another order."""
    told = []
    for each in recordings:
        kinds = [step.kind for step in each.steps]
        orders = [order for order in set(permutations(kinds)) if order != tuple(kinds)]
        if orders:
            told.append(_rejudged(each, schedule(random.choice(sorted(orders)))))
    return told


def spliced(studio: Studio, faces: Sequence[Face], *, two_takes: bool) -> list[Told]:
    """The gestures asked for, each cut out of a recording of its own at rest, and put into order.

    two_takes: from two recordings in turn, between which the camera was moved by a hundredth of the picture.
    """
    takes = []
    for face in faces:
        steps, performer = studio.challenge(), studio.performer()
        takes.append(Take(partial(_cut_together, face, steps, performer, two_takes), steps))
    return studio.judged(takes)


def _cut_together(face: Face, steps: Sequence[Step], performer: Performer, two_takes: bool) -> list[Pixels]:
    takes = [
        list(performed(face.frames, face.landmarks, schedule([step.kind]), LEAD_S + STEP_S, recorded))
        for step in steps
        for recorded in [replace(performer, seed=performer.seed + round(step.from_s))]
    ]
    lead = round(LEAD_S * FRAME_RATE)
    frames = takes[0][:lead]
    for number, take in enumerate(takes):
        moved = two_takes and number % 2
        frames += [np.roll(f, max(1, f.shape[1] // 100), axis=1) if moved else f for f in take[lead:]]
    return frames


def row(name: str, codes: Sequence[str]) -> tuple[str, ...]:
    """Return name, clips, passed, how many pass in truth (95 %), and what the others were told.

    codes: of each clip, "" for one that passed.
    """
    passed = sum(not code for code in codes)
    low, high = wilson(passed, len(codes))
    others = Counter(code.removeprefix("challenge_") for code in codes if code)
    why = ", ".join(f"{code} {count}" for code, count in others.most_common())
    return (name, str(len(codes)), str(passed), f"{100 * low:.0f} to {100 * high:.0f} %", why or "-")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.challenges", description=__doc__)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--write", action="store_true", help="put the table into docs/challenges.md")
    options = parser.parse_args()
    assets, chance = Path(os.environ["HEIRLOOM_TEST_ASSETS"]), random.Random(1)
    studio = Studio(chance)
    staged = _rows(studio, people(assets, options.people), clips(assets), chance)
    table = piped(HEADER, [*staged, *(row(*each) for each in joins.shown(assets, random.Random(1)))])
    print(table)
    if options.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{table}\n{END}{rest.partition(END)[2]}")
    return 0


def _rows(
    studio: Studio, faces: Sequence[Face], films: Mapping[str, Face], chance: random.Random
) -> Iterator[tuple[str, ...]]:
    def told(name: str, clips: Sequence[Told]) -> tuple[str, ...]:
        made = row(name, [each.performance.verdict.code for each in clips])
        print(*made, sep=" | ", file=sys.stderr, flush=True)
        return made

    recordings = acted(studio, faces)
    yield told("attack: one photo of each person, bent to the challenge", recordings)
    good = [each for each in recordings if each.passed]
    yield told("such a clip for another challenge", replayed(studio, good))
    yield told("such a clip for the same gestures in another order", reordered(studio, good, chance))
    yield told(
        "attack: a clip of somebody who talks or signs, bent to the challenge", acted(studio, [*films.values()] * 2)
    )
    yield told("the shared clips as they are", idle(studio, list(films.values())))
    yield told("a photo kept still", photos(studio, faces, bend=0, still=True))
    yield told("a photo turned as was asked", photos(studio, faces, bend=0))
    some = faces[: len(faces) // 3]
    yield told("a photo bent around a pipe, turned as was asked", photos(studio, some, bend=0.5))
    yield told(
        "attack: one photo bent to it, closed eyes among the steps", acted(studio, some, [*HEAD, Kind.CLOSE_EYES])
    )
    yield told("gestures cut together at rest", spliced(studio, some, two_takes=False))
    yield told("gestures cut together at rest, the camera moved", spliced(studio, some, two_takes=True))


def _looks_ahead(points68: Points) -> bool:
    pose = pose_of(five_of(points68.astype(np.float32)))
    return max(abs(pose.yaw), abs(pose.pitch)) < STRAIGHT_DEG


def _rejudged(recording: Told, steps: tuple[Step, ...]) -> Told:
    seen = recording.performance
    return Told(steps, replace(seen, verdict=judge(seen.moments, steps, seen.changes)))


def _same_person_from(model: str) -> float | None:
    policy = load(model)
    return policy.pooled_threshold(1, 1, SAME_PERSON_FMR) if policy else None


if __name__ == "__main__":
    sys.exit(main())
