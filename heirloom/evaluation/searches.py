"""Open-set searches as ISO/IEC 19795-1 counts them: FPIR of people not in the gallery, FNIR of people in it.

Each person's pictures are dealt into a reference set and a probe set. Everybody searches: as a stranger among the
others, and as one of them. A gallery smaller than all is drawn from them; the share of all such draws in which a search
fails is counted exactly (it is hypergeometric), so none is simulated. Intervals come from resampling people, who are
both searchers and searched.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from heirloom.decision.policy_cells import MIN_PEOPLE_PAIRS_PER_TARGET
from heirloom.decision.policy_searches import SearchCell, SearchPoint, fewest_pairs
from heirloom.evaluation.gallery import ROWS, Floats, Gallery, mean_of
from heirloom.evaluation.rates import wilson

COUNTS = ((1, 1), (3, 1), (3, 3))
GALLERIES = (10, 33, 100, 333, 1_000, 3_333, 10_000)
"""Up to all people there are. Beyond, FPIR grows at most as the gallery does, so they are held to a stricter target."""
TARGETS = (3e-2, 1e-2, 3e-3, 1e-3)
DRAWS = 5
RESAMPLES = 200
Z_ONE_SIDED = 1.6448536269514722  # the 95 % point of the standard normal distribution
KEPT_SHARE, FEWEST_KEPT, MOST_KEPT = 0.02, 10, 100
"""Of each search the best strangers are kept: such a share of them, so many. Thresholds lie far above the rest."""
FEWEST_PEOPLE = 100

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """The searches of one dealing.

    searchers: (n,) who searched. own: (n,) the score with their own references, NaN where none were left for that.
    scores: (m,) of searchers with strangers, falling; of each search only the best. search, whose: (m,) which search,
    and with whom. strangers: how many each search met.
    """

    searchers: Rows
    own: Doubles
    scores: Doubles
    search: Rows
    whose: Rows
    strangers: int

    def found(self, threshold: float, gallery: int, weights: Doubles) -> float:
        """Return the share of searches that find a stranger. weights: (people,) how often each person counts."""
        of_search = weights[self.searchers]
        finds = 1 - self._none_of(self._count(threshold, weights), gallery)
        return float(of_search @ finds / of_search.sum())

    def missed(self, threshold: float, gallery: int, weights: Doubles) -> float:
        """Return the share of searches that do not end with their own person, first and over the threshold."""
        mated = np.isfinite(self.own)
        above = self.scores > self.own[self.search]
        ahead = np.asarray(np.bincount(self.search[above], weights[self.whose[above]], len(self.searchers)), np.float64)
        found = np.where(self.own >= threshold, self._none_of(ahead, gallery - 1), 0.0)
        of_search = weights[self.searchers] * mated
        return float(1 - of_search @ found / max(of_search.sum(), 1e-12))

    def _count(self, threshold: float, weights: Doubles) -> Doubles:
        """(n,): how many strangers reach the threshold in each search."""
        many = len(self.scores) - int(np.searchsorted(self.scores[::-1], threshold, side="left"))
        counted = np.bincount(self.search[:many], weights[self.whose[:many]], len(self.searchers))
        return np.asarray(counted, np.float64)

    def _none_of(self, counts: Doubles, gallery: int) -> Doubles:
        """Return the chance that none of `counts` strangers is among `gallery` drawn from all (hypergeometric)."""
        most = int(counts.max(initial=0))
        left = np.maximum(self.strangers - gallery - np.arange(most), 0.0)
        chances = np.concatenate([[1.0], np.cumprod(left / np.maximum(self.strangers - np.arange(most), 1.0))])
        return chances[counts.astype(np.int64)]


Errors = Callable[[Draw, float, int, Doubles], float]


@dataclass(frozen=True, slots=True)
class SearchRate:
    """A rate of searches with its 95 % interval over people."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2%} ({self.low:.2%} to {self.high:.2%})"


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """All searches of one cell. people: who has references. people_pairs: pairs of a searcher and somebody else."""

    references: int
    probes: int
    people: int
    people_pairs: int
    draws: tuple[Draw, ...]

    @property
    def largest(self) -> int:
        """The most strangers that a search met."""
        return min(draw.strangers for draw in self.draws)

    @property
    def size(self) -> int:
        """The number after the last person's."""
        return 1 + max(int(max(draw.searchers.max(), draw.whose.max())) for draw in self.draws)

    def fpir(self, threshold: float, gallery: int) -> SearchRate:
        """Return the share of searches of strangers that find somebody, with an interval over people.

        Of few errors resampling shows too little, so it is widened to Wilson's over people_pairs / gallery searches: so
        many would share no pair of people.
        """
        return self._rate(Draw.found, threshold, gallery, max(1, self.people_pairs // gallery))

    def fnir(self, threshold: float, gallery: int) -> SearchRate | None:
        """Return the share of searches of enrolled people that do not end with them, first and over the threshold."""
        searched = min(int(np.isfinite(draw.own).sum()) for draw in self.draws)
        return self._rate(Draw.missed, threshold, gallery, searched) if searched else None

    def threshold(self, fpir: float, gallery: int) -> float:
        """Return the lowest score that at most `fpir` of the searches of strangers reach in such a gallery."""
        everybody = np.ones(self.size)
        return _lowest(lambda score: self._mean(Draw.found, score, gallery, everybody) <= fpir, -1.0)

    def upper_threshold(self, fpir: float, gallery: int) -> float | None:
        """Return the lowest score at which even the upper limit is within `fpir`; None where there is none.

        The limit is one-sided at 95 %, over resampled people; at least Wilson's, and what no error among so many
        searches that share no pair of people leaves open (the rule of three).
        """
        independent = max(1, self.people_pairs // gallery)
        if MIN_PEOPLE_PAIRS_PER_TARGET * gallery / self.people_pairs > fpir:
            return None

        def is_within(score: float) -> bool:
            value = self._mean(Draw.found, score, gallery, np.ones(self.size))
            if wilson(value * independent, independent, Z_ONE_SIDED)[1] > fpir:
                return False
            return float(np.quantile(self._resampled(Draw.found, score, gallery), 0.95)) <= fpir

        found = _lowest(is_within, self.threshold(fpir, gallery) - 1e-5)
        return found if is_within(found) else None

    def _rate(self, errors: Errors, threshold: float, gallery: int, independent: int) -> SearchRate:
        """Return the rate over all draws. Its interval is that of resampled people, and Wilson's at least."""
        value = self._mean(errors, threshold, gallery, np.ones(self.size))
        least, most = np.quantile(self._resampled(errors, threshold, gallery), [0.025, 0.975])
        low, high = wilson(min(1.0, max(0.0, value)) * independent, independent)
        return SearchRate(value, min(low, float(least)), max(high, float(most)))

    def _resampled(self, errors: Errors, threshold: float, gallery: int) -> list[float]:
        """Return the rate among people drawn anew, RESAMPLES times."""
        drawn = cycle(self.draws)
        return [errors(next(drawn), threshold, gallery, weights) for weights in _weights(self.size)]

    def _mean(self, errors: Errors, threshold: float, gallery: int, weights: Doubles) -> float:
        return float(np.mean([errors(draw, threshold, gallery, weights) for draw in self.draws]))


@lru_cache(maxsize=4)
def _weights(people: int) -> Doubles:
    """(RESAMPLES, people): how often each person counts in each resampling of them all."""
    return np.random.default_rng(people).multinomial(people, np.full(people, 1 / people), RESAMPLES).astype(np.float64)


def _lowest(is_good: Callable[[float], bool], above: float) -> float:
    """Return the lowest good score over `above` up to 1, to five digits as policies write scores, by bisection."""
    bad, good = round(above * 1e5), 100_000
    while good - bad > 1:
        middle = (bad + good) // 2
        bad, good = (bad, middle) if is_good(middle / 1e5) else (middle, good)
    return good / 1e5


def search(gallery: Gallery, references: int, probes: int, draws: int = DRAWS) -> Searches | None:
    """Carry out every search of a cell; None where fewer than FEWEST_PEOPLE have pictures enough to be searched."""
    random = np.random.default_rng([7, references, probes])
    _, numbers = np.unique(gallery.people, return_inverse=True)
    rows = Gallery(gallery.vectors, numbers.astype(np.int64)).rows_by_person()
    searchable = sum(len(own) >= references for own in rows)
    if searchable < FEWEST_PEOPLE:
        return None
    searching = sum(len(own) >= probes for own in rows)
    both = min(searchable, searching)
    pairs = searchable * searching - both if references != probes else both * (both - 1) // 2
    dealt = tuple(_dealt(gallery.vectors, rows, references, probes, random) for _ in range(draws))
    return Searches(references, probes, searchable, pairs, dealt)


def _dealt(vectors: Floats, rows: Sequence[Rows], references: int, probes: int, random: np.random.Generator) -> Draw:
    """Deal everybody's pictures into references and a probe; who lacks some for both searches as a stranger alone."""
    mixed = [random.permutation(own) for own in rows]
    searched = [person for person, own in enumerate(mixed) if len(own) >= references]
    searchers = [person for person, own in enumerate(mixed) if len(own) >= probes]
    left = [mixed[person][references : references + probes] for person in searchers]
    own_left = np.array([len(some) == probes for some in left])
    taken = [
        some if is_left else mixed[person][:probes]
        for person, some, is_left in zip(searchers, left, own_left, strict=True)
    ]
    sides = mean_of(vectors[np.stack(taken)]), mean_of(vectors[np.stack([mixed[one][:references] for one in searched])])
    return _searched(*sides, np.array(searchers), np.array(searched), own_left)


def _searched(probes: Floats, references: Floats, searchers: Rows, searched: Rows, own_left: NDArray[np.bool_]) -> Draw:
    """Compare every probe with every reference, in blocks, and keep the best strangers of each search."""
    kept = min(len(searched) - 1, max(FEWEST_KEPT, min(MOST_KEPT, int(KEPT_SHARE * len(searched)))))
    own = np.full(len(searchers), np.nan)
    scores, whose = np.empty((len(searchers), kept)), np.empty((len(searchers), kept), np.int64)
    for start in range(0, len(searchers), ROWS):
        block = slice(start, start + ROWS)
        table = probes[block] @ references.T
        mine = searchers[block, None] == searched[None, :]
        has_own = mine.any(axis=1) & own_left[block]
        own[block] = np.where(has_own, np.where(mine, table, -2.0).max(axis=1), np.nan)
        table[mine] = -2.0
        best = np.argpartition(table, -kept, axis=1)[:, -kept:]
        scores[block], whose[block] = np.take_along_axis(table, best, axis=1), searched[best]
    order = np.argsort(-scores, axis=None)
    search = np.repeat(np.arange(len(searchers)), kept)
    return Draw(searchers, own, scores.ravel()[order], search[order], whose.ravel()[order], len(searched) - 1)


def measure(gallery: Gallery, counts: Iterable[tuple[int, int]] = COUNTS) -> tuple[Searches, ...]:
    """Carry out the searches of every cell that has people enough."""
    return tuple(found for one in counts if (found := search(gallery, *one)) is not None)


def cells(measured: Sequence[Searches]) -> tuple[SearchCell, ...]:
    """Return what a policy may publish of these searches: targets that so many pairs of people can show."""
    found = [SearchCell(one.references, one.probes, one.people, one.people_pairs, _points(one)) for one in measured]
    return tuple(cell for cell in found if cell.points)


def sizes(one: Searches) -> tuple[int, ...]:
    """Return the galleries that a cell is measured at."""
    return (*(size for size in GALLERIES if size < one.largest), one.largest)


def _targets(one: Searches, size: int) -> list[float]:
    """Return the targets of a gallery; of all people, also those by which larger galleries keep theirs."""
    larger = [other for other in GALLERIES if other > size] if size == one.largest else []
    return sorted({*TARGETS, *(target * size / other for other in larger for target in TARGETS)}, reverse=True)


def _points(one: Searches) -> tuple[SearchPoint, ...]:
    points = []
    for size in sizes(one):
        for target in _targets(one, size):
            if one.people_pairs >= fewest_pairs(size, target):
                threshold = one.threshold(target, size)
                missed = one.fnir(threshold, size)
                shares = (missed.value, missed.low, missed.high) if missed else (None, None, None)
                upper = one.upper_threshold(target, size)
                points.append(SearchPoint(size, target, threshold, upper and max(upper, threshold), *shares))
    return tuple(points)
