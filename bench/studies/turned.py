"""What becomes of photos on their side or head down: `python -m bench.studies.turned` writes the last part of
docs/models/turned.md.

HEIRLOOM_TEST_ASSETS names the shared faces, MODELS_DIR a folder of weights: dlib's packs are tried anywhere, YuNet and
a described `mobilefacenet` where their files lie there. The photos are of people from whom no number was learned. Takes
half an hour on two cores.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np

from bench.instance import ROOT
from bench.machine import described
from bench.studies.upright import read, rolled
from heirloom.decision.policy_files import load
from heirloom.evaluation.pictures import labelled_face, people_in
from heirloom.evaluation.rates import rate
from heirloom.evaluation.report import Report, Section, Table, markdown
from heirloom.media.types import Image
from heirloom.vision import quality
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.turning import QUARTERS, turned_face, turned_image
from heirloom.vision.types import AnalysisRequest, Face, Floats, Observation
from heirloom.vision.uprightness import numbers

PAGE = ROOT / "docs" / "models" / "turned.md"
PHOTOS, UPRIGHT_PHOTOS = 300, 1000
ROLLS_DEG = (0, 15, 30, 45)
MEASURED_ELSEWHERE = {"onnx:mobilefacenet": 0.3350}
"""Thresholds at FMR 1e-3 of packs whose policy is not packaged: docs/models/onnx-mobilefacenet.md."""
FMR = 1e-3
MEASURED = "Whole photos"
TOO_FAR_DEG = 60.0
"""A face set right whose eyes are then farther from level was turned a quarter too far."""
SETUPS = (
    ("dlib", "dlib"),
    ("dlib", "yunet"),
    ("deepface:Dlib", "dlib"),
    ("onnx:mobilefacenet", "yunet"),
    ("onnx:mobilefacenet", "dlib"),
)
"""Packs, each with the detectors that its faces may come from."""


@dataclass
class Turned:
    """What became of the photos of one turn and roll. vectors: of the accepted ones, one a person."""

    found: int = 0
    too_far: int = 0
    vectors: list[Floats] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.turned", description=__doc__)
    parser.add_argument("--photos", type=int, default=PHOTOS, help="of as many people, each turned in every way")
    parser.add_argument("--upright", type=int, default=UPRIGHT_PHOTOS, help="photos that are to be left as they are")
    given = parser.parse_args()
    engine = VisionEngine(
        VisionConfig(Path(os.environ.get("MODELS_DIR", "var/models")), acknowledged=("mobilefacenet",))
    )
    engine.load()
    unknown = _people()
    status = engine.status()
    here = {info.name for info in status.packs if info.installed and info.acknowledged}
    setups = [(pack, detector) for pack, detector in SETUPS if pack in here and detector in status.detectors]
    photos = [pictures[0] for pictures in unknown.values()][: given.photos]
    upright = [path for pictures in unknown.values() for path in pictures][: given.upright]
    sections = [_turned(engine, setups, photos), _upright(engine, setups, upright)]
    engine.close()
    _write(sections)


def _write(sections: Sequence[Section]) -> None:
    """Put what was measured in place of what stands on the page under MEASURED; what is above it is written by hand."""
    machine = "; ".join(" ".join(row) for row in described())
    lead = (
        f"`python -m bench.studies.turned {' '.join(sys.argv[1:])}`".replace(" `", "`")
        + ", on people of Labeled Faces "
        "in the Wild from whom the numbers in `upright.json` were not learned "
        f"({numbers().provenance['people']:,} others gave those). Machine: {machine}."
    )
    _, measured = markdown(Report(MEASURED, (lead,), tuple(sections)), PAGE.stem).split("\n", 1)
    by_hand = PAGE.read_text(encoding="utf-8").split(f"## {MEASURED}\n")[0]
    PAGE.write_text(f"{by_hand}## {MEASURED}\n{measured.replace('## ', '### ')}", encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}.")


def _people() -> dict[str, list[Path]]:
    """The people after those from whom the packaged numbers were learned, in the order of their names."""
    people = people_in(Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data" / "faces" / "lfw")
    return dict(list(people.items())[numbers().provenance["people"] :])


def _turned(engine: VisionEngine, setups: Sequence[tuple[str, str]], photos: Sequence[Path]) -> Section:
    rows: list[tuple[str, ...]] = []
    for pack, detector in setups:
        print(f"{pack}, faces by {detector} ...", flush=True)
        by_turn = {(quarters, roll): Turned() for quarters, roll in product(range(QUARTERS), ROLLS_DEG)}
        for number, path in enumerate(photos):
            for (quarters, roll), image in _shown(path, number):
                _count(by_turn[quarters, roll], engine, image, pack, detector)
        rows += _rows(pack, detector, by_turn, len(photos))
        for row in rows[-QUARTERS:]:
            print("  ", *row, flush=True)
    text = (
        f"{len(photos)} photos of as many people, turned by quarters, and rolled by 0, 15, 30 and 45 degrees besides, "
        "to either side and mirrored or not by turns. *accepted*: photos that give a template. *strangers alike*: "
        "pairs of accepted photos, turned and rolled alike, of two people, that reach the threshold published for "
        "FMR 1e-3, with a Wilson interval at 95 % (pairs share people, so it is narrower than the truth). *too far*: "
        f"accepted with the eyes over {TOO_FAR_DEG:g} degrees from level after it was set right."
    )
    header = ("pack", "faces by", "turned by", "accepted", "strangers alike", "too far")
    return Section("turned", "Photos turned every way", (text,), Table(header, tuple(rows)))


def _shown(path: Path, number: int) -> Iterator[tuple[tuple[int, int], Image]]:
    image = read(path)
    for roll in ROLLS_DEG:
        sideways = rolled(image, roll if (number // 2 + roll) % 2 else -roll)
        pixels = np.ascontiguousarray(sideways.pixels[:, ::-1]) if (number + roll // 15) % 2 else sideways.pixels
        for quarters in range(QUARTERS):
            yield (quarters, roll), turned_image(Image(pixels), quarters)


def _count(into: Turned, engine: VisionEngine, image: Image, pack: str, detector: str) -> None:
    request = AnalysisRequest(pack=pack, detector=detector, want=frozenset({"template"}))
    seen = labelled_face(image, engine.analyze([image], request)[0])
    into.found += seen is not None
    if seen is None or seen.quality.reasons or seen.template is None:
        return
    into.vectors.append(seen.template.vector)
    into.too_far += abs(_tilt(seen.face, image)) > TOO_FAR_DEG


def _tilt(face: Face, image: Image) -> float:
    """How far from level the eyes are in the picture that the template was made of, in degrees."""
    left, right = turned_face(face, face.turn or 0, image).points5[:2]
    return float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))


def _rows(pack: str, detector: str, by_turn: dict[tuple[int, int], Turned], photos: int) -> Iterator[tuple[str, ...]]:
    threshold = MEASURED_ELSEWHERE.get(pack) or _threshold(pack)
    for quarters in range(QUARTERS):
        some = [by_turn[quarters, roll] for roll in ROLLS_DEG]
        alike = trials = 0
        for each in some:
            if len(each.vectors) < 2:
                continue
            scores = np.stack(each.vectors) @ np.stack(each.vectors).T
            pairs = scores[np.triu_indices(len(each.vectors), 1)]
            alike, trials = alike + int((pairs >= threshold).sum()), trials + len(pairs)
        accepted = rate(sum(len(each.vectors) for each in some), photos * len(ROLLS_DEG))
        too_far = sum(each.too_far for each in some)
        counts = (accepted.shares(), rate(alike, trials).fine() if trials else "no pairs", str(too_far))
        yield (f"`{pack}`", f"`{detector}`", f"{90 * quarters}°", *counts)


def _threshold(pack: str) -> float:
    models = {"dlib": "dlib-resnet-v1-avg3", "deepface:Dlib": "deepface:Dlib"}
    policy = load(models[pack])
    found = policy.pooled_threshold(1, 1, FMR) if policy else None
    if found is None:
        raise SystemExit(f"{pack} has no threshold at {FMR:g}")
    return found


def _upright(engine: VisionEngine, setups: Sequence[tuple[str, str]], photos: Sequence[Path]) -> Section:
    rows = []
    for pack, detector in setups:
        disturbed = passed = 0
        for path in photos:
            image = read(path)
            request = AnalysisRequest(pack=pack, detector=detector, want=frozenset({"template"}))
            seen = labelled_face(image, engine.analyze([image], request)[0])
            if seen is None or not _good_before(image, seen):
                continue
            passed += 1
            disturbed += seen.face.turn != 0 or bool(seen.quality.reasons)
        rows.append((f"`{pack}`", f"`{detector}`", str(passed), rate(disturbed, passed).shares(), str(disturbed)))
        print("  ", *rows[-1], flush=True)
    text = (
        f"{len(photos):,} photos as they are. *good*: those in which nothing but the proof might fall short. "
        "*disturbed*: turned, or refused, for want of proof or because a second landmark model differs."
    )
    header = ("pack", "faces by", "good", "disturbed (95 % Wilson)", "count")
    return Section("upright", "Upright photos", (text,), Table(header, tuple(rows)))


def _good_before(image: Image, seen: Observation) -> bool:
    """Whether the photo would be taken if nobody asked how the face stands."""
    turn = seen.face.turn or 0
    face = replace(turned_face(seen.face, turn, image), turn=0)
    return not quality.assess(turned_image(image, turn), face).reasons


if __name__ == "__main__":
    main()
