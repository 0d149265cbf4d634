"""What each measure of quality buys: `python -m bench.studies.discard` writes docs/models/quality.md below its first
part, and the numbers of the forecast, heirloom/vision/forecast.json.

HEIRLOOM_TEST_ASSETS names the shared faces, MODELS_DIR the rebuilt graphs. Without --keep everything is computed anew,
which takes a quarter of an hour on two cores.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.instance import ROOT
from bench.machine import described
from bench.studies import combining, degraded, trial
from bench.studies.degraded import Way
from bench.studies.seen import Doubles, Seen, seen_in
from bench.studies.standing import standing
from heirloom.evaluation.rates import rate
from heirloom.evaluation.report import Report, Section, Table, markdown
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision import forecast, quality
from heirloom.vision.gates import ENROLL, VERIFY
from heirloom.vision.landmarks import Landmarks, five_of
from heirloom.vision.packs import dlib
from heirloom.vision.types import Box, Face, Floats

PAGE = ROOT / "docs" / "models" / "quality.md"
MEASURED = "What was measured"
DISCARDED = (0.0, 0.02, 0.05, 0.10, 0.20, 0.30)
WITH_TEMPLATE = ("chips_apart", "landmarks_apart", "sharpness")
WITHOUT = ("landmarks_apart", "sharpness")
HALVES_SEED = 1
MADE_WORSE: Mapping[str, Way] = {
    "as it is": lambda image, _: image,
    "light x 0.35": degraded.dimmed(0.35),
    "contrast x 0.15": degraded.flattened(0.15),
    "blur of 1 px": degraded.blurred(1),
    "blur of 2 px": degraded.blurred(2),
    "blur of 3 px": degraded.blurred(3),
    "blur of 2 px, light x 0.35": degraded.after(degraded.blurred(2), degraded.dimmed(0.35)),
    "blur of 2 px, noise of sigma 10": degraded.after(degraded.blurred(2), degraded.noisy(10)),
    "noise of sigma 20": degraded.noisy(20),
    "noise of sigma 40": degraded.noisy(40),
    "JPEG quality 10": degraded.compressed(10),
    "a blue mask": degraded.masked("blue"),
    "a white mask": degraded.masked("white"),
    "a black mask": degraded.masked("black"),
    "sunglasses": degraded.in_sunglasses,
}
FORMER_SHARPNESS = 28.0
EACH = 50


class Pairs:
    """The genuine pairs of single photos, and which are missed at the thresholds that all strangers set."""

    def __init__(self, seen: Seen) -> None:
        dealt = trial.deal(seen.people, 1, 1)
        self.left, self.right = dealt.mated[:, 0], dealt.mated[:, 1]
        mated, strangers = trial.scores(combining.mean(seen.vectors), seen.people, dealt)
        self.thresholds = trial.at_thresholds(mated, strangers, dealt.trials).thresholds
        self.missed = [mated <= threshold for threshold in self.thresholds]
        self.strangers = len(strangers)

    def lesser(self, values: Doubles) -> Doubles:
        return np.minimum(values[self.left], values[self.right])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.discard", description=__doc__)
    parser.add_argument("--keep", type=Path, help="a file that keeps the templates: biometric data, in plain")
    kept = parser.parse_args().keep
    folder = Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data" / "faces" / "lfw"
    with tempfile.TemporaryDirectory() as temporary:
        seen = seen_in(folder, Path(os.environ.get("MODELS_DIR", "var/models")), kept or Path(temporary) / "seen.npz")
    pairs = Pairs(seen)
    signals = _signals(seen)
    _write_forecast(seen, pairs, signals)
    lead = (
        f"`python -m bench.studies.discard`, on Labeled Faces in the Wild, the people of folds 1 to 3: "
        f"{len(np.unique(seen.people)):,} people, {len(seen.people):,} pictures, {seen.missing} without a template; "
        f"{len(pairs.left):,} genuine pairs of single photos, thresholds at FMR 1e-3 and 1e-4 over {pairs.strangers:,} "
        f"pairs of strangers. Machine: {'; '.join(' '.join(row) for row in described())}."
    )
    sections = (
        _curves(seen, pairs, signals),
        _calibration(pairs, signals, seen.people),
        _gates(seen, pairs),
        standing(seen),
        _worse(seen, folder),
        _choosing(seen, signals),
    )
    _, measured = markdown(Report(MEASURED, (lead,), sections), PAGE.stem).split("\n", 1)
    by_hand = PAGE.read_text(encoding="utf-8").split(f"## {MEASURED}\n")[0] if PAGE.exists() else ""
    PAGE.write_text(f"{by_hand}## {MEASURED}\n{measured.replace('## ', '### ')}", encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)} and {forecast.DATA_FILE.relative_to(ROOT)}.")


def _signals(seen: Seen) -> dict[str, Doubles]:
    """The signals of the forecast, by name, (n,) each."""
    of = seen.measures
    told = [
        forecast.signals(*map(float, each))
        for each in zip(of["disagreement"], of["sharpness"], of["agreement"], strict=True)
    ]
    return {name: np.array([each[name] for each in told], np.float64) for name in WITH_TEMPLATE}


def fit(columns: Doubles, missed: NDArray[np.bool_]) -> tuple[float, Doubles]:
    """Return the constant and the weights of a logistic regression, by Newton's steps. columns: (n, k)."""
    mean, spread = columns.mean(axis=0), columns.std(axis=0)
    rows = np.column_stack([(columns - mean) / spread, np.ones(len(columns))])
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-rows @ weights))
        weights += np.linalg.solve((rows.T * (likely * (1 - likely))) @ rows, rows.T @ (missed - likely))
    slopes = weights[:-1] / spread
    return float(weights[-1] - slopes @ mean), slopes


def _forecasts(columns: Doubles, pairs: Pairs, people: NDArray[np.int64]) -> Doubles:
    """(n,): the forecast of each photo, learned at FMR 1e-4 of the half of the people it is not of."""
    half = np.random.default_rng(HALVES_SEED).permutation(int(people.max()) + 1) < (people.max() + 1) // 2
    both, missed = np.concatenate([pairs.left, pairs.right]), np.tile(pairs.missed[1], 2)
    found = np.empty(len(people))
    for side in (True, False):
        known = half[people[both]] == side
        constant, slopes = fit(columns[both[known]], missed[known])
        other = half[people] != side
        found[other] = 1 / (1 + np.exp(-(columns[other] @ slopes + constant)))
    return found


def _columns(signals: Mapping[str, Doubles], names: Sequence[str]) -> Doubles:
    return np.column_stack([signals[name] for name in names])


def _write_forecast(seen: Seen, pairs: Pairs, signals: Mapping[str, Doubles]) -> None:
    both, missed = np.concatenate([pairs.left, pairs.right]), np.tile(pairs.missed[1], 2)

    def weights(names: Sequence[str]) -> dict[str, object]:
        constant, slopes = fit(_columns(signals, names)[both], missed)
        return {
            "constant": round(constant, 4),
            "signals": {name: round(float(slope), 4) for name, slope in zip(names, slopes, strict=True)},
        }

    numbers = {
        "provenance": {
            "command": "python -m bench.studies.discard",
            "people": len(np.unique(seen.people)),
            "pictures": len(seen.people),
            "of": "Labeled Faces in the Wild, folds 1 to 3, single photos, FMR 1e-4 pooled",
            "thresholds": {name: round(each, 5) for name, each in zip(("1e-3", "1e-4"), pairs.thresholds, strict=True)},
        },
        "face": weights(WITHOUT),
        "models": {dlib.MODEL: weights(WITH_TEMPLATE)},
    }
    forecast.DATA_FILE.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


def _curves(seen: Seen, pairs: Pairs, signals: Mapping[str, Doubles]) -> Section:
    of = seen.measures
    measures = {
        "nothing: by chance": np.random.default_rng(0).random(len(seen.people)),
        "the weakest check (the score of former releases, without its limits)": of["weakest"],
        "**the forecast, by the other half of the people (in use)**": -_forecasts(
            _columns(signals, WITH_TEMPLATE), pairs, seen.people
        ),
        "the forecast without a template": -_forecasts(_columns(signals, WITHOUT), pairs, seen.people),
        "agreement of the chips: the length of their mean": of["agreement"],
        "agreement of two landmark models": -of["disagreement"],
        "sharpness, fine against coarse detail": of["sharpness"],
        "variance of the Laplacian (former sharpness)": of["laplacian"],
        "eye distance": of["eye_distance"],
        "how little the head is turned": -np.hypot(of["yaw"], of["pitch"]),
        "how little it is rolled": -np.abs(of["roll"]),
        "brightness": of["brightness"],
        "how little is overexposed": -of["overexposed"],
        "how open the eyes are": of["lids"],
        "the detector's confidence": of["confidence"],
    }
    rows = [(name, *_curve(pairs, values)) for name, values in measures.items()]
    text = (
        "Error versus discard (ISO/IEC 29794-1): the FNMR at FMR 1e-3 / 1e-4 of what is left when so many pairs are "
        "thrown away, those first of which one photo is the worst by the measure. What buys nothing stays at the first "
        "column."
    )
    header = ("measure", *(f"{share:.0%} away" for share in DISCARDED))
    return Section("curves", "What each measure buys", (text,), Table(header, tuple(rows)))


def _curve(pairs: Pairs, values: Doubles) -> list[str]:
    worst = pairs.lesser(np.nan_to_num(values, nan=-np.inf))
    order = np.argsort(worst, kind="stable")
    kept = [order[round(share * len(order)) :] for share in DISCARDED]
    return [" / ".join(f"{100 * missed[left].mean():.1f}" for missed in pairs.missed) + " %" for left in kept]


def _calibration(pairs: Pairs, signals: Mapping[str, Doubles], people: NDArray[np.int64]) -> Section:
    likely = _forecasts(_columns(signals, WITH_TEMPLATE), pairs, people)
    both, missed = np.concatenate([pairs.left, pairs.right]), np.tile(pairs.missed[1], 2)
    score = 100 * (1 - likely[both])
    edges = [0, 60, 70, 75, 80, 85, 90, 100]
    rows = []
    for low, high in pairwise(edges):
        chosen = (score >= low) & (score < high)
        if chosen.any():
            rows.append(
                (
                    f"{low} to {high}",
                    f"{np.mean((100 * (1 - likely) >= low) & (100 * (1 - likely) < high)):.1%}",
                    f"{score[chosen].mean():.1f} %",
                    f"{100 * (1 - missed[chosen].mean()):.1f} %",
                )
            )
    text = (
        "The score of a face that passes is 100 less the forecast of a false non-match in percent: what it forecasts "
        "of one half of the people, learned of the other, and what happened, at a pooled FMR of 1e-4."
    )
    header = ("score", "of the photos", "forecast to match", "matched")
    return Section("calibration", "Whether the forecast comes true", (text,), Table(header, tuple(rows)))


def _gates(seen: Seen, pairs: Pairs) -> Section:
    rows: list[tuple[str, ...]] = []
    for gate, told in ((VERIFY, seen.verify), (ENROLL, seen.enroll)):
        codes = [set(each.split()) for each in told]
        rows += [
            (gate.name, f"`{code}`", *_bought(np.array([code in each for each in codes]), seen, pairs))
            for code in sorted({code for each in codes for code in each})
        ]
        crowded = seen.rival > gate.bystander
        rows.append((gate.name, "`several_faces`", *_bought(crowded, seen, pairs)))
        refused = crowded | np.array([bool(each) for each in codes])
        rows.append((gate.name, "**all that is refused**", *_bought(refused, seen, pairs)))
    text = (
        "What each check refuses, the FNMR at FMR 1e-3 / 1e-4 of the pairs with a photo that it refuses and of the "
        "others, and how often such a photo matches strangers at the threshold for 1e-3: a check that refuses what "
        "matches as well as the rest buys nothing, unless it keeps the last number down."
    )
    header = ("gate", "check", "refused", "FNMR with", "FNMR without", "FMR of the refused", "FMR of the rest")
    return Section("gates", "What is refused", (text,), Table(header, tuple(rows)))


def _bought(refused: NDArray[np.bool_], seen: Seen, pairs: Pairs) -> tuple[str, ...]:
    with_it = refused[pairs.left] | refused[pairs.right]
    return (
        str(rate(int(refused.sum()), len(refused))),
        _two(pairs, with_it),
        _two(pairs, ~with_it),
        _alike(seen, pairs, refused),
        _alike(seen, pairs, ~refused),
    )


def _two(pairs: Pairs, chosen: NDArray[np.bool_]) -> str:
    if not chosen.any():
        return ""
    return " / ".join(f"{100 * missed[chosen].mean():.1f}" for missed in pairs.missed) + " %"


def _alike(seen: Seen, pairs: Pairs, chosen: NDArray[np.bool_]) -> str:
    """The FMR of these photos against all of these and others that are kept, at the threshold for 1e-3."""
    if not chosen.any():
        return ""
    others = seen.vectors if chosen.mean() < 0.5 else seen.vectors[chosen]
    theirs = seen.people if chosen.mean() < 0.5 else seen.people[chosen]
    matched = (seen.vectors[chosen] @ others.T) >= pairs.thresholds[0]
    apart = seen.people[chosen][:, None] != theirs[None, :]
    return f"{matched[apart].mean():.5f}"


def _worse(seen: Seen, folder: Path) -> Section:
    chosen = [k for k in range(0, len(seen.people), EACH) if not seen.verify[k]]
    photos = [read_image((folder / str(seen.pictures[k])).read_bytes()) for k in chosen]
    faces = _faces_again(photos, [seen.boxes[k] for k in chosen])
    rows = []
    for name, way in MADE_WORSE.items():
        made = [way(photo, face) for photo, face in zip(photos, faces, strict=True)]
        found = [quality.assess(each, face, ENROLL).reasons for each, face in zip(made, faces, strict=True)]
        sharp = [quality.sharpness_of(quality.patch_of(each, face)) for each, face in zip(made, faces, strict=True)]
        before = [degraded.laplacian(each, face) < FORMER_SHARPNESS for each, face in zip(made, faces, strict=True)]
        codes = ("eyes_covered", "mouth_covered")
        limit = next(check.limit for check in VERIFY.checks if check.code == "blurred")  # type: ignore[attr-defined]
        rows.append(
            (
                name,
                f"{np.mean(before):.0%}",
                f"{np.mean(np.array(sharp) < limit):.0%}",
                *(f"{np.mean([code in each for each in found]):.0%}" for code in codes),
            )
        )
    text = (
        f"{len(chosen)} photos that pass, made worse by code, their landmarks left where they were: the share called "
        "`blurred` by the variance of the Laplacian as before, and by the ratio of fine to coarse detail now; and what "
        "the gate of an enrollment finds besides."
    )
    header = ("", "`blurred` before", "`blurred` now", "`eyes_covered`", "`mouth_covered`")
    return Section("worse", "Photos made worse", (text,), Table(header, tuple(rows)))


def _faces_again(photos: Sequence[Image], boxes: Sequence[Doubles]) -> list[Face]:
    landmarks = Landmarks()
    faces = []
    for photo, box in zip(photos, boxes, strict=True):
        _, points = landmarks.both(photo.pixels, Box(*box.tolist()))
        faces.append(Face(Box(*box.tolist()), 1.0, five_of(points), points, 0.02, 0))
    return faces


def _choosing(seen: Seen, signals: Mapping[str, Doubles]) -> Section:
    pairs = Pairs(seen)
    dealt = trial.deal(seen.people, 3, 1)
    vectors: Floats = seen.vectors
    ways = {
        "by chance": np.random.default_rng(0).random(len(seen.people)),
        "by the weakest check, as before": seen.measures["weakest"],
        "by sharpness": seen.measures["sharpness"],
        "by the agreement of its chips": seen.measures["agreement"],
        "by the forecast (in use)": -_forecasts(_columns(signals, WITH_TEMPLATE), pairs, seen.people),
    }
    rows = []
    for name, values in ways.items():
        rank = np.argsort(np.argsort(values)).astype(np.float64) + 1
        found = trial.errors(combining.best_only(vectors, rank), seen.people, dealt)
        rows.append((f"the best of three {name}", " / ".join(found.cells())))
    rows.append(
        ("the mean of all three", " / ".join(trial.errors(combining.mean(vectors), seen.people, dealt).cells()))
    )
    text = (
        "Of three photos of a person one is kept as the reference and compared with a fourth: FNMR at FMR 1e-3 / 1e-4, "
        "each at its own threshold. It is by this score that the frames of a clip and the picture that reviewers see "
        "first are chosen; references are averaged, which does more than any choice."
    )
    return Section("choosing", "Which picture to keep", (text,), Table(("kept", "FNMR"), tuple(rows)))


if __name__ == "__main__":
    main()
