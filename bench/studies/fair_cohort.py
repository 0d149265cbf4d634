"""Does score normalisation even what a recogniser does to groups of people? `python -m bench.studies.fair_cohort`.

Writes docs/models/cohort.md from templates that `manage.py calibrate --keep-templates` kept, and its groups.
Half of the people are the cohort, the other half is measured, both ways: no template is normalised by its own person.
"""

import argparse
import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.instance import ROOT
from bench.studies import cohort
from bench.studies.trial import Rows, Scores
from heirloom.evaluation.pictures import corrected, people_in
from heirloom.evaluation.report import Report, Section, Table, markdown
from heirloom.vision.features import unit_rows
from heirloom.vision.types import Floats

PAGE = ROOT / "docs" / "models" / "cohort.md"
TARGETS = (1e-3, 1e-4)
FEWEST = 20
"""People of a group in the half that is measured; fewer are left out."""

CLUSTERS, LEAST_IN_CLUSTER, NEAREST = 128, 4, 10
"""An aggregated cohort: the means of this many clusters of people, those of fewer people left out, the nearest used."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Templates of single pictures. vectors: (n, d) unit length. people: (n,) numbers. groups: by its name, whose."""

    model: str
    vectors: Floats
    people: Rows
    groups: dict[str, frozenset[int]]

    def half(self, odd: int) -> NDArray[np.bool_]:
        return np.asarray(self.people % 2 == odd, np.bool_)


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares at one target. worst: the highest FMR of a group at the pooled threshold, in times the target, and whose.
    held: the FNMR where no group's FMR is over the target."""

    fnmr: float
    worst: float
    of: str
    held: float

    def cells(self) -> tuple[str, str, str]:
        return f"{self.fnmr:.1%}", f"{self.worst:.0f} ({self.of})", f"{self.held:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.fair_cohort", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of people that was measured")
    parser.add_argument("groups", type=Path, help="a CSV file: person, and their groups, as calibrate takes it")
    parser.add_argument("kept", type=Path, nargs="+", help="files of templates that calibrate kept")
    parser.add_argument("--corrections", type=Path, help="as calibrate takes it")
    asked = parser.parse_args()
    people = people_in(asked.folder)
    people = corrected(people, asked.corrections) if asked.corrections else people
    sections = tuple(_section(_kept(file, people, asked.groups)) for file in asked.kept)
    PAGE.write_text(
        markdown(
            Report("Score normalisation, judged by the worst group", (MEASURED, AGGREGATED, LEFT_OUT), sections),
            PAGE.stem,
        )
    )
    print(f"Wrote {PAGE.relative_to(ROOT)}.")


MEASURED = (
    "Written by `python -m bench.studies.fair_cohort` from the templates of Labeled Faces in the Wild, the people of "
    "folds 1 to 3, single photos. Adaptive s-norm centers and scales each score by either side's best scores against "
    "a cohort; here that is one half of the people, and the other half is measured. *worst group*: the highest FMR "
    "within a group at the pooled threshold, in times the target. *held*: the FNMR where the threshold is raised until "
    "no group is over the target, which is how policies are made. Groups were predicted by a small network; those of "
    f"fewer than {FEWEST} people in a half are left out. So few people show a direction and no rate."
)
AGGREGATED = (
    "*aggregates*: no person stands in the cohort, but the means of clusters of at least "
    f"{LEAST_IN_CLUSTER} people each, which could be shipped with a model as its center is."
)
LEFT_OUT = "Why it is left out: [decision 20](../decisions/0020-no-cohort-for-the-worst-group.md)."


def _section(kept: Kept) -> Section:
    rows = []
    for odd, name in ((0, "even people"), (1, "odd people")):
        tested, others = kept.half(odd), ~kept.half(odd)
        vectors, people = kept.vectors[tested], kept.people[tested]
        everybody = cohort.cohort_of(kept.vectors[others], kept.people[others], len(kept.people))
        ways = {
            "none": vectors @ vectors.T,
            f"{len(everybody):,} people": _normalised(vectors, everybody, cohort.TOP),
            "aggregates": _normalised(vectors, aggregates(everybody), NEAREST),
        }
        for cohort_name, scores in ways.items():
            found = [figures(scores, people, kept.groups, target) for target in TARGETS]
            rows.append((name, cohort_name, *itertools.chain.from_iterable(each.cells() for each in found)))
    heads = [f"{what} at {target:g}" for target in TARGETS for what in ("FNMR", "worst group", "held")]
    return Section(kept.model, kept.model, table=Table(("measured", "cohort", *heads), tuple(rows)))


def _normalised(vectors: Floats, others: Floats, top: int) -> Scores:
    each = np.arange(len(vectors), dtype=np.int64)[:, None]
    return cohort.Normalised(vectors, others, top)(each, each)


def aggregates(people: Floats, seed: int = 0, rounds: int = 30) -> Floats:
    """Return the means of clusters of people, (m, d) of unit length: k-means by cosine (S. Lloyd, 1982).

    people: (n, d) of unit length, one for each person.
    """
    rng = np.random.default_rng(seed)
    means = people[rng.choice(len(people), CLUSTERS, replace=False)]
    for _ in range(rounds):
        nearest = (people @ means.T).argmax(axis=1)
        filled = [k for k in range(len(means)) if (nearest == k).any()]
        means = unit_rows(np.stack([people[nearest == k].mean(axis=0) for k in filled]))
    sizes = np.bincount((people @ means.T).argmax(axis=1), minlength=len(means))
    return means[sizes >= LEAST_IN_CLUSTER]


def figures(scores: Scores, people: Rows, groups: dict[str, frozenset[int]], target: float) -> Figures:
    """Return what single pictures show at one target. scores: (n, n). people: (n,)."""
    left, right = np.triu_indices(len(people), 1)
    same = people[left] == people[right]
    mated, strangers = scores[left, right][same], scores[left, right][~same]
    pooled = _threshold(strangers, target)
    weights = _one_each(people[left][same])
    worst, of, held = 0.0, "none", pooled
    for name, rows in _rows_of(groups, people):
        within = _strangers(scores, people, rows)
        share = float((within > pooled).mean()) / target
        held = max(held, _threshold(within, target))
        if share > worst:
            worst, of = share, name
    return Figures(float(weights @ (mated <= pooled)), worst, of, float(weights @ (mated <= held)))


def _strangers(scores: Scores, people: Rows, rows: Rows) -> Scores:
    left, right = (rows[side] for side in np.triu_indices(len(rows), 1))
    apart = people[left] != people[right]
    return np.asarray(scores[left[apart], right[apart]], np.float32)


def _threshold(strangers: Scores, target: float) -> float:
    """The score over which at most the target share lies."""
    place = len(strangers) - 1 - int(target * len(strangers))
    return float(np.partition(strangers, place)[place])


def _one_each(people: Rows) -> NDArray[np.float64]:
    """Weights that let each person count once, however many pairs of pictures they have."""
    _, which, counts = np.unique(people, return_inverse=True, return_counts=True)
    weights = 1.0 / counts[which]
    return np.asarray(weights / weights.sum(), np.float64)


def _rows_of(groups: dict[str, frozenset[int]], people: Rows) -> Iterator[tuple[str, Rows]]:
    for name, members in groups.items():
        rows = np.flatnonzero(np.isin(people, list(members)))
        if len(np.unique(people[rows])) >= FEWEST:
            yield name, rows


def _kept(file: Path, people: Mapping[str, Sequence[Path]], groups: Path) -> Kept:
    with np.load(file, allow_pickle=False) as stored:
        model, vectors = str(stored["model"]), dict(zip(stored["paths"].tolist(), stored["vectors"], strict=True))
    numbers = {name: number for number, name in enumerate(people)}
    rows = [(numbers[name], path.as_posix()) for name, paths in people.items() for path in paths]
    rows = [row for row in rows if row[1] in vectors]
    return Kept(
        model,
        np.stack([vectors[path] for _, path in rows]).astype(np.float32),
        np.array([number for number, _ in rows], np.int64),
        _groups(groups, numbers),
    )


def _groups(file: Path, numbers: dict[str, int]) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    with file.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            number = numbers.get(row.pop("person"))
            for name in filter(None, row.values()):
                if number is not None:
                    found.setdefault(name, set()).add(number)
    return {name: frozenset(members) for name, members in sorted(found.items())}


if __name__ == "__main__":
    main()
