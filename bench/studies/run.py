"""What lifts the built-in pack, and what does not: `python -m bench.studies.run` writes docs/models/dlib-studies.md.

HEIRLOOM_TEST_ASSETS names the shared faces and clips, MODELS_DIR the rebuilt graphs. Without --keep the templates of
the faces are computed anew, which takes minutes.
"""

import argparse
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from bench.instance import ROOT
from bench.studies import clips, cohort, combining, detection, trial, turning
from bench.studies.faces import VARIANTS as ALL_VARIANTS
from bench.studies.faces import Faces, Variant, faces_of
from heirloom.decision.policy import Policy
from heirloom.decision.policy_files import load
from heirloom.evaluation.report import Report, Section, Table, markdown
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.features import unit_rows
from heirloom.vision.packs import dlib
from heirloom.vision.types import Floats

PAGE = ROOT / "docs" / "models" / "dlib-studies.md"
COUNTS = ((1, 1), (3, 1), (3, 3))
COHORTS = (100, 200, 400, 800)
SPLITS = 4
PHOTOS = 150


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.run", description=__doc__)
    parser.add_argument("--keep", type=Path, help="a file that keeps the templates: biometric data, in plain")
    kept = parser.parse_args().keep
    shared = Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data"
    models_dir = Path(os.environ.get("MODELS_DIR", "var/models"))
    policy = load(dlib.MODEL)
    if policy is None:
        raise SystemExit(f"{dlib.MODEL} has no policy")
    with tempfile.TemporaryDirectory() as folder:
        faces = faces_of(shared / "faces" / "lfw", models_dir, kept or Path(folder) / "faces.npz")
    lead = (
        "Measured by `python -m bench.studies.run` on Labeled Faces in the Wild, the people of folds 1 to 3: "
        f"{len(np.unique(faces.people)):,} people, {len(faces.people):,} pictures. Every figure is the FNMR at "
        "FMR 1e-3 / 1e-4, the threshold set on the same pictures, so compare rows and take none as a promise. "
        "*1, 1* is one reference against one probe."
    )
    report = Report(
        "What lifts the built-in pack",
        (lead,),
        (
            _variants(faces),
            _combining(faces),
            _cohort(faces),
            _clips(shared / "clips", models_dir, policy, faces),
            _detection(shared / "faces", models_dir),
            _turning(shared.parent, models_dir),
        ),
    )
    PAGE.write_text(markdown(report, PAGE.stem))
    print(f"Wrote {PAGE.relative_to(ROOT)}.")


def _five(*paddings: float, mirrored: Iterable[float] = ()) -> list[Variant]:
    return [Variant(5, padding, False) for padding in paddings] + [Variant(5, padding, True) for padding in mirrored]


THREE = (0.20, 0.25, 0.30)
CHOSEN = [Variant(5, padding, padding in dlib.MIRRORED) for padding in dlib.PADDINGS]
SIXTY_EIGHT = [Variant(68, each.padding, each.mirrored) for each in CHOSEN]
VARIANTS: dict[str, list[Variant]] = {
    "one chip, padding 0.25": _five(0.25),
    "it and its mirror image": _five(0.25, mirrored=(0.25,)),
    "0.20, and 0.30 mirrored": _five(0.20, mirrored=(0.30,)),
    "0.20, 0.25, 0.30": _five(*THREE),
    "0.20 and 0.30, and 0.25 mirrored (in use)": CHOSEN,
    "0.15 and 0.35, and 0.25 mirrored": _five(0.15, 0.35, mirrored=(0.25,)),
    "0.20 and 0.30, each with its mirror image": _five(0.20, 0.30, mirrored=(0.20, 0.30)),
    "all three, each with its mirror image": _five(*THREE, mirrored=THREE),
    "five from 0.15 to 0.35, each with its mirror image": _five(0.15, *THREE, 0.35, mirrored=(0.15, *THREE, 0.35)),
    "in use, but aligned by 68 points": SIXTY_EIGHT,
    "in use, by 5 points and by 68 points": CHOSEN + SIXTY_EIGHT,
}


def _variants(faces: Faces) -> Section:
    dealt = [trial.deal(faces.people, *counts) for counts in COUNTS]
    rows = []
    for name, chosen in VARIANTS.items():
        compare = combining.mean(faces.averaged(chosen))
        cells = [_cell(trial.errors(compare, faces.people, each)) for each in dealt]
        rows.append((name, str(len(chosen)), *cells))
    text = (
        "A face is described by the mean of several chips, and each descriptor costs the same. Paddings and mirror "
        "images that differ help; more of the same do not. Alignment by 68 points is worse than by 5: the network was "
        "trained on chips of those."
    )
    return Section(
        "variants", "Chips of one face", (text,), Table(("chips", "descriptors", *_heads(COUNTS)), tuple(rows))
    )


def _combining(faces: Faces) -> Section:
    counts = ((2, 1), (3, 1), (5, 1), (3, 3), (5, 5))
    vectors = faces.averaged(CHOSEN)
    agreement = _agreement(faces)
    ways = {
        "mean of unit vectors (in use)": combining.mean(vectors),
        "weighted by quality": combining.weighted(vectors, faces.quality),
        "weighted by sharpness": combining.weighted(vectors, np.sqrt(faces.sharpness)),
        "weighted by how frontal": combining.weighted(vectors, np.exp(-np.abs(faces.yaw) / 20)),
        "weighted by how well its chips agree": combining.weighted(vectors, agreement**200),
        "without the one least like the others": combining.trimmed(vectors),
        "geometric median": combining.median(vectors),
        "the best by quality alone": combining.best_only(vectors, faces.quality),
        "best score of any pair": combining.best_pair(vectors),
        "mean score of all pairs": combining.mean_of_pairs(vectors),
    }
    dealt = [trial.deal(faces.people, *each) for each in counts]
    rows = [(name, *(_cell(trial.errors(way, faces.people, each)) for each in dealt)) for name, way in ways.items()]
    text = (
        "How several references, or several frames, become one comparison. The plain mean is as good as any; what "
        "throws pictures away, or takes the best score of any pair as DeepFace does, misses more. These pictures are "
        "labelled right: the robust means guard against a wrong picture, and here there is none to guard against."
    )
    return Section("combining", "Several pictures of one person", (text,), Table(("", *_heads(counts)), tuple(rows)))


def _agreement(faces: Faces) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(n,): the length of the mean over a face's chips, 1 where all say the same."""
    rows = [ALL_VARIANTS.index(each) for each in VARIANTS["all three, each with its mirror image"]]
    return np.asarray(np.linalg.norm(faces.vectors[:, rows].mean(axis=1), axis=1), np.float64)


def _cohort(faces: Faces) -> Section:
    vectors = faces.averaged(CHOSEN)
    plain = [_over_splits(faces, vectors, None, counts) for counts in COUNTS]
    rows = [("none", *map(_mean_cell, plain), "")]
    for size in COHORTS:
        found = [_over_splits(faces, vectors, size, counts) for counts in COUNTS]
        moved = ", ".join(f"{np.mean([each.thresholds[1] for each in outcomes]):.2f}" for outcomes in found)
        rows.append((f"{size} people", *map(_mean_cell, found), moved))
    text = (
        f"Adaptive s-norm: each score centered and scaled by either side's {cohort.TOP} best scores against people who "
        f"are neither, drawn from the other half of the people; the mean over {SPLITS} splits. It helps single photos "
        "where the cohort is large, harms them where it is small, and does not help three references. Its threshold "
        "moves with the cohort: what was measured with one set of people does not hold with another "
        "([why it is left out](../decisions/0011-no-cohort-normalisation.md))."
    )
    header = ("cohort", *_heads(COUNTS), "thresholds at 1e-4")
    return Section("cohort", "Score normalisation against a cohort", (text,), Table(header, tuple(rows)))


def _over_splits(faces: Faces, vectors: Floats, size: int | None, counts: tuple[int, int]) -> list[trial.Outcome]:
    outcomes = []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(int(faces.people.max()) + 1)
        tested = np.isin(faces.people, order[: len(order) // 2])
        some, people = vectors[tested], faces.people[tested]
        compare: trial.Compare = combining.mean(some)
        if size is not None:
            others = cohort.cohort_of(vectors[~tested], faces.people[~tested], size, seed)
            compare = cohort.Normalised(some, others)
        outcomes.append(trial.errors(compare, people, trial.deal(people, *counts)))
    return outcomes


def _clips(folder: Path, models_dir: Path, policy: Policy, faces: Faces) -> Section:
    engine = VisionEngine(VisionConfig(models_dir=models_dir))
    engine.load()
    filmed = clips.filmed(folder, engine, policy.pooled_threshold(1, 1, 1e-3))
    engine.close()
    strangers = unit_rows(faces.averaged(CHOSEN))
    rows = [clips.row(name, way, filmed, strangers, policy) for name, way in clips.WAYS.items()]
    people = len({one.person for one in filmed})
    text = (
        f"{len(filmed)} clips of {people} people, far too few to choose by: a check that nothing is badly wrong. The "
        "first half of a clip's frames are references, the second half of a clip of the same or of another person "
        "the probe; strangers are all the faces of the folder above. Frames of one clip resemble each other: their "
        "mean gains little, and scores strangers no higher than the table's cell for as many different pictures, so "
        "the thresholds are on the safe side."
    )
    return Section("clips", "Frames of a clip", (text,), Table(clips.HEADER, tuple(rows)))


def _detection(faces: Path, models_dir: Path) -> Section:
    sets = {
        "LFW, 250 px": [faces / "lfw"],
        "photos up to 4K": [faces / "pairs300", faces / "portraits", faces.parent / "conditions"],
    }
    rows = []
    for name, folders in sets.items():
        photos = detection.photos_in(folders, PHOTOS)
        rows += [(name, *row) for row in detection.rows(photos, models_dir)]
    text = (
        f"The largest face that a search at {detection.CLOSEST_PX} px finds, looked for on smaller copies; nothing is "
        "enlarged. *large enough*: at least 80 px on that copy, the detector's window. No face that large was missed "
        "at any size, so the size of the copy decides what is found, and nothing else: a first look may be as small as "
        "the faces that matter allow. The detector therefore goes from coarse to fine and, where only faces of some "
        "share of the largest matter, ends with the level that shows those (`least_share`)."
    )
    header = ("photos", "longest side", "found", "found of those large enough")
    return Section("detection", "Size of the first look", (text,), Table(header, tuple(rows)))


def _turning(assets: Path, models_dir: Path) -> Section:
    below, side = turning.relation(assets, models_dir)
    text = (
        f"{turning.PEOPLE} people who look into the camera, bent by {turning.DEGREES[0]} to {turning.DEGREES[-1]} "
        f"degrees as for a challenge (`bench/performing.py`); *lost*: measured under {turning.LOST_DEG:g}. The 68 "
        "landmarks were trained in the boxes of dlib's HOG detector. On faces that look ahead these lie "
        f"{below:.2f} of the detector's side below the middle of eyes and nose, and are {side:.2f} as wide (medians); "
        "on heads turned aside the detector's own box is off, and the landmarks slip."
    )
    header = ("box", *(f"lost {way}" for way in turning.TURNED))
    rows = turning.rows(assets, models_dir)
    return Section("turning", "Landmarks of heads turned aside", (text,), Table(header, tuple(rows)))


def _cell(outcome: trial.Outcome) -> str:
    return " / ".join(outcome.cells())


def _mean_cell(outcomes: Sequence[trial.Outcome]) -> str:
    means = np.mean([[each.value for each in outcome.fnmr] for outcome in outcomes], axis=0)
    return " / ".join(f"{100 * mean:.2f} %" for mean in means)


def _heads(counts: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(f"{references}, {probes}" for references, probes in counts)


if __name__ == "__main__":
    main()
