"""What becomes of photos that were cropped, covered, turned, compressed or badly lit.

`python -m bench.studies.conditions` writes docs/models/conditions.md. One photo of each person, as it is, is the
reference; another is made worse by code (`bench.studies.degraded`) and held to the gate of a verification.
HEIRLOOM_TEST_ASSETS names the shared faces, MODELS_DIR the rebuilt graphs. Takes a quarter of an hour on two cores.
"""

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.instance import ROOT
from bench.machine import described
from bench.studies import degraded
from bench.studies.degraded import Way
from heirloom.evaluation.pictures import labelled_face, people_in
from heirloom.evaluation.rates import rate
from heirloom.evaluation.report import Report, Section, Table, markdown
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision import forecast, quality
from heirloom.vision.detection import COMPANION_SHARE
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.gates import ENROLL
from heirloom.vision.subject import Glimpse, in_photo
from heirloom.vision.turning import turned_face, turned_image
from heirloom.vision.types import AnalysisRequest, Face, FrameAnalysis, Observation

PAGE = ROOT / "docs" / "models" / "conditions.md"
PEOPLE, BATCH = 150, 16
FMR = "1e-3"
REQUEST = AnalysisRequest(want=frozenset({"template"}), companions=True, least_share=COMPANION_SHARE)
WAYS: Mapping[str, Way] = {
    "as it is": lambda image, _: image,
    "the face cut out, no margin": degraded.cropped(0.0),
    "a margin of 10 %": degraded.cropped(0.10),
    "a margin of 25 %": degraded.cropped(0.25),
    "gray": degraded.in_gray,
    "JPEG quality 10": degraded.compressed(10),
    "turned by 90 degrees": degraded.turned(1),
    "turned by 180 degrees": degraded.turned(2),
    "turned by 270 degrees": degraded.turned(3),
    "30 px between the eyes": degraded.with_eyes_apart(30),
    "20 px between the eyes": degraded.with_eyes_apart(20),
    "a blue mask": degraded.masked("blue"),
    "a white mask": degraded.masked("white"),
    "a black mask": degraded.masked("black"),
    "a white mask, gray photo": degraded.after(degraded.masked("white"), degraded.in_gray),
    "sunglasses": degraded.in_sunglasses,
    "a cap": degraded.under_cap,
    "noise of sigma 20": degraded.noisy(20),
    "noise of sigma 40": degraded.noisy(40),
    "light x 0.35": degraded.dimmed(0.35),
    "light x 0.20": degraded.dimmed(0.20),
    "contrast x 0.15": degraded.flattened(0.15),
    "blur of 2 px": degraded.blurred(2),
    "blur of 2 px, light x 0.35": degraded.after(degraded.blurred(2), degraded.dimmed(0.35)),
    "blur of 3 px": degraded.blurred(3),
}
LARGE_WAYS: Mapping[str, Way] = {
    "as it is": lambda image, _: image,
    **{f"{pixels} px between the eyes": degraded.with_eyes_apart(pixels) for pixels in (80, 60, 40, 30)},
}


Pair = tuple[str, Path, Path]
"""Whose two photos they are, "" where several pairs may be of one person."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """name: as in a pair. reference: a template, of unit length. photo: another, and its face as it was found there."""

    name: str
    reference: NDArray[np.float32]
    photo: Image
    face: Face


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one photo. vector: the template that would be compared, None where there is none."""

    glimpse: Glimpse
    vector: NDArray[np.float32] | None
    for_enrollment: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.conditions", description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    most = parser.parse_args().people
    faces = Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data" / "faces"
    engine = VisionEngine(VisionConfig(models_dir=Path(os.environ.get("MODELS_DIR", "var/models")), threads=1))
    engine.load()
    small = _people(engine, list(_pairs_of_people(faces / "lfw", most)))
    large = _people(engine, list(_mated_pairs(faces / "pairs300")))
    machine = "; ".join(" ".join(row) for row in described())
    command = f"python -m bench.studies.conditions {' '.join(sys.argv[1:])}".strip()
    lead = (
        f"Written by `{command}`. Machine: {machine}. One photo as it is against another made worse, single photos of "
        f"the built-in pack, the threshold at a pooled FMR of {FMR} on photos as they are. *found*: a face is there. "
        "*accepted*: it passes the gate of a verification. *refused rightly*: it would not have matched, or there is "
        "nothing to compare. *refused wrongly*: it would have matched. *missed*: the FNMR of the accepted ones. "
        "*strangers*: pairs of an accepted photo with somebody else's reference that match. *not enrolled*: what the "
        "gate of an enrollment refuses. The covers are drawn: real masks, lenses and caps vary more."
    )
    sections = (
        _section(engine, "lfw", f"{len(small)} people of LFW, about 40 px between the eyes", small, WAYS),
        _section(engine, "large", f"{len(large)} pairs of ordinary photos up to 4K", large, LARGE_WAYS),
    )
    engine.close()
    PAGE.write_text(markdown(Report("Cropped, covered, turned and badly lit", (lead,), sections), PAGE.stem))
    print(f"Wrote {PAGE.relative_to(ROOT)}.")


def _pairs_of_people(folder: Path, most: int) -> Iterator[Pair]:
    several = [paths for paths in people_in(folder).values() if len(paths) > 1]
    for paths in several[:: max(1, len(several) // most)][:most]:
        yield paths[0].parent.name, paths[0], paths[1]


def _mated_pairs(folder: Path) -> Iterator[Pair]:
    with (folder / "master.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["Decision"].strip().lower() in ("yes", "true", "1"):
                yield "", folder / row["file_x"], folder / row["file_y"]


def _people(engine: VisionEngine, pairs: Sequence[Pair]) -> list[Person]:
    """Those of whom both photos, as they are, pass the gate."""
    found = []
    for start in range(0, len(pairs), BATCH):
        some = [read_image(path.read_bytes()) for pair in pairs[start : start + BATCH] for path in pair[1:]]
        seen = [_labelled(image, analysis) for image, analysis in zip(some, engine.analyze(some, REQUEST), strict=True)]
        names = [name for name, _, _ in pairs[start : start + BATCH]]
        for name, one, other, photo in zip(names, seen[::2], seen[1::2], some[1::2], strict=True):
            if one is not None and other is not None and one.template is not None:
                found.append(Person(name, one.template.vector, photo, other.face))
    return found


def _labelled(image: Image, analysis: FrameAnalysis) -> Observation | None:
    seen = labelled_face(image, analysis)
    return None if seen is None or seen.quality.reasons or seen.template is None else seen


def _section(engine: VisionEngine, name: str, title: str, people: Sequence[Person], ways: Mapping[str, Way]) -> Section:
    header = (
        "",
        "found",
        "accepted",
        "refused rightly",
        "refused wrongly",
        "as",
        "missed",
        "strangers",
        "not enrolled",
    )
    rows = []
    for label, way in ways.items():
        outcomes = [
            each for start in range(0, len(people), BATCH) for each in _made(engine, people[start : start + BATCH], way)
        ]
        rows.append((label, *_row(people, outcomes)))
        print("  ", *rows[-1], flush=True)
    return Section(name, title, (), Table(header, tuple(rows)))


def _made(engine: VisionEngine, people: Sequence[Person], way: Way) -> Iterator[Outcome]:
    images = [way(each.photo, each.face) for each in people]
    for image, analysis in zip(images, engine.analyze(images, REQUEST), strict=True):
        glimpse = in_photo(image, analysis)
        seen = glimpse.observation
        vector = seen.template.vector if seen and seen.template else None
        yield Outcome(glimpse, vector, in_photo(image, _held(image, analysis), ENROLL).reasons)


def _held(image: Image, analysis: FrameAnalysis) -> FrameAnalysis:
    """The same faces as the gate of an enrollment judges them."""
    return FrameAnalysis(
        tuple(
            Observation(
                each.face,
                quality.assess(
                    turned_image(image, each.face.turn or 0),
                    turned_face(each.face, each.face.turn or 0, image),
                    ENROLL,
                    each.template,
                ),
                each.template,
            )
            for each in analysis.faces
        )
    )


def _row(people: Sequence[Person], outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    threshold = forecast.numbers().provenance["thresholds"][FMR]
    references = np.stack([each.reference for each in people])
    rightly = wrongly = missed = 0
    alike, pairs, accepted = 0, 0, 0
    for k, each in enumerate(outcomes):
        scores = np.full(len(people), -1.0) if each.vector is None else references @ each.vector
        matched = bool(scores[k] >= threshold)
        if each.glimpse.reasons:
            wrongly, rightly = wrongly + matched, rightly + (not matched)
            continue
        accepted, missed = accepted + 1, missed + (not matched)
        alike, pairs = alike + int((np.delete(scores, k) >= threshold).sum()), pairs + len(people) - 1
    of = len(outcomes)
    return (
        f"{sum(each.glimpse.observation is not None for each in outcomes)} of {of}",
        str(accepted),
        str(rightly),
        str(wrongly),
        _commonest([each.glimpse.reasons for each in outcomes]),
        str(rate(missed, accepted)) if accepted else "",
        f"{alike} of {pairs:,}" if len({each.name for each in people}) == len(people) else "",
        f"{sum(bool(each.for_enrollment) for each in outcomes)}"
        + (f": {told}" if (told := _commonest([each.for_enrollment for each in outcomes])) else ""),
    )


def _commonest(reasons: Sequence[tuple[str, ...]]) -> str:
    counts = Counter(code for each in reasons for code in each)
    return ", ".join(f"`{code}` {count}" for code, count in counts.most_common(3))


if __name__ == "__main__":
    main()
