"""Adaptive score normalisation: a score is read against how alike both sides are to people who are neither of them."""

from dataclasses import dataclass

import numpy as np

from bench.studies.trial import Rows, Scores
from heirloom.vision.features import unit_rows
from heirloom.vision.types import Floats

TOP = 50


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """Compares means, then centers and scales the score by each side's `top` best scores against the cohort.

    Adaptive s-norm (Matejka et al., "Analysis of score normalization in multilingual speaker recognition", 2017).
    vectors: (n, d) of unit length. cohort: (m, d) of unit length, one for each of its people.
    """

    vectors: Floats
    cohort: Floats
    top: int = TOP

    def __call__(self, left: Rows, right: Rows) -> Scores:
        one, other = unit_rows(self.vectors[left].mean(axis=1)), unit_rows(self.vectors[right].mean(axis=1))
        (middle, spread), (middle2, spread2) = self._against(one), self._against(other)
        raw = one @ other.T
        return np.asarray(((raw - middle[:, None]) / spread[:, None] + (raw - middle2) / spread2) / 2, np.float32)

    def _against(self, sides: Floats) -> tuple[Scores, Scores]:
        table = sides @ self.cohort.T
        best = np.partition(table, -self.top, axis=1)[:, -self.top :] if self.top < table.shape[1] else table
        return best.mean(axis=1), best.std(axis=1)


def cohort_of(vectors: Floats, people: Rows, size: int, seed: int = 0) -> Floats:
    """Return (size, d): the means of that many people, drawn without favor."""
    everybody = np.unique(people)
    chosen = np.random.default_rng(seed).permutation(everybody)[:size]
    return unit_rows(np.stack([vectors[people == person].mean(axis=0) for person in chosen]))
