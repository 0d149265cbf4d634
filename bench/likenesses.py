"""Templates of people who do not exist, as alike as those of people who do.

A template is the unit vector of  m + p + w:  m, what all faces share (the built-in recogniser's all lie in a narrow
cone); p, the person; w, the photo. p and w are normal, their variance falls with the dimension as k^-falloff, which
gives the vectors the effective dimension of real ones. The shares were chosen so that scores fall as they were measured
on all pairs of LFW (docs/models/): `python -m bench.likenesses` shows how near they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
BLOCK = 1000
"""People are made in blocks of so many, so that the same number is the same person however many there are."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a recogniser sees people. shared, between, within: shares of the squared length, together 1."""

    name: str
    dimensions: int
    shared: float
    between: float
    within: float
    falloff: float

    def people(self, first: int, last: int) -> Vectors:
        """Return what is of the person alone, shape (last - first, dimensions); first is the start of a block."""
        blocks = [self._drawn((self.dimensions, 1, start), BLOCK) for start in range(first, last, BLOCK)]
        return (np.concatenate(blocks)[: last - first] * np.float32(np.sqrt(self.between))).astype(np.float32)

    def photos(self, people: Vectors, seed: int, *, averaged: int = 1) -> Vectors:
        """Return a template of each person: one photo, or the mean of several."""
        noise = self._drawn((self.dimensions, 2, seed), len(people)) * np.float32(np.sqrt(self.within / averaged))
        seen = people + noise
        seen[:, 0] += np.float32(np.sqrt(self.shared))
        return np.asarray(seen / np.linalg.norm(seen, axis=1, keepdims=True), np.float32)

    def _drawn(self, seed: Sequence[int], count: int) -> Vectors:
        """Return normal deviates of total variance 1, shape (count, dimensions)."""
        variance = np.arange(1, self.dimensions + 1, dtype=np.float64) ** -self.falloff
        deviation = np.sqrt(variance / variance.sum()).astype(np.float32)
        drawn: Vectors = np.random.default_rng(seed).standard_normal((count, self.dimensions), np.float32) * deviation
        return drawn


DLIB = Likeness("dlib", 128, shared=0.85, between=0.107, within=0.043, falloff=0.8)
"""The built-in recogniser."""
ARCFACE = Likeness("arcface", 512, shared=0.01, between=0.515, within=0.475, falloff=0.74)
"""A recogniser trained by an angular margin, as MobileFaceNet was."""


def main() -> None:
    for likeness, fmrs in ((DLIB, (1e-3, 1e-4, 1e-5)), (ARCFACE, (1e-3, 1e-4))):
        people = likeness.people(0, 10_000)
        one, other = likeness.photos(people, 1), likeness.photos(people, 2)
        strangers = np.sort(np.concatenate([np.sum(one * np.roll(other, n, axis=0), axis=1) for n in range(1, 301)]))
        same = np.sum(one * other, axis=1)
        for fmr in fmrs:
            threshold = strangers[-int(fmr * len(strangers))]
            print(f"{likeness.name}: {threshold:.3f} at FMR {fmr:g}, TAR {100 * np.mean(same >= threshold):.1f} %")


if __name__ == "__main__":
    main()
