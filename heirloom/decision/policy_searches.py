"""What was measured of whole searches: how often strangers find somebody (FPIR), how often people are missed (FNIR)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from heirloom.decision.policy_cells import MIN_PEOPLE_PAIRS_PER_TARGET


@dataclass(frozen=True, slots=True)
class SearchPoint:
    """One operating point of a search among `gallery` people.

    fpir: the target. threshold: the lowest raw score that at most this share of searches of strangers reached.
    upper_threshold: where even the upper 95 % limit stays within it; None where so few people show none.
    fnir, fnir_low, fnir_high: the share of searches of enrolled people that did not find them first and over
    `threshold`, with its 95 % interval; None where nobody had pictures enough.
    """

    gallery: int
    fpir: float
    threshold: float
    upper_threshold: float | None
    fnir: float | None
    fnir_low: float | None
    fnir_high: float | None

    def holds(self, gallery: int, fpir: float) -> bool:
        """Say whether this point shows the target in a gallery of that size.

        A smaller gallery has fewer strangers. In a larger one FPIR grows at most as its size does (Boole's inequality:
        the chance that one of several finds is at most the sum of theirs).
        """
        return self.expected(gallery) <= fpir * (1 + 1e-9)

    def expected(self, gallery: int) -> float:
        """Return the highest FPIR that `threshold` may have in a gallery of that size."""
        return min(1.0, self.fpir * max(1.0, gallery / self.gallery))


@dataclass(frozen=True, slots=True)
class SearchCell:
    """Searches with so many references for each person and so many probe frames.

    people: how many were searched. people_pairs: of a searcher and somebody else, behind all points.
    """

    references: int
    probes: int
    people: int
    people_pairs: int
    points: tuple[SearchPoint, ...]

    def at(self, gallery: int, fpir: float) -> SearchPoint | None:
        """Return the point with the lowest threshold among those that show the target; None where none does."""
        holding = [point for point in self.points if point.holds(gallery, fpir)]
        return min(holding, key=lambda point: point.threshold, default=None)

    def covers(self, references: int, probes: int) -> bool:
        """Say whether it was measured for at least as many of both; the score does not know which is which."""
        ours, theirs = sorted((self.references, self.probes)), sorted((references, probes))
        return ours[0] >= theirs[0] and ours[1] >= theirs[1]


def parse_searches(raw: Mapping[str, Any]) -> SearchCell:
    """Return a cell as policy files hold it. Raises KeyError, TypeError or ValueError for anything else."""
    counts = {key: int(raw[key]) for key in ("references", "probes", "people", "people_pairs")}
    return SearchCell(**counts, points=tuple(_point(dict(point)) for point in raw["points"]))


def _point(raw: dict[str, Any]) -> SearchPoint:
    gallery = int(raw.pop("gallery"))
    return SearchPoint(gallery, **{key: None if value is None else float(value) for key, value in raw.items()})  # type: ignore[arg-type]


def search_problems(cells: tuple[SearchCell, ...]) -> Iterator[str]:
    """Yield where a cell claims more than so many people show."""
    keys = [(cell.references, cell.probes) for cell in cells]
    if len(set(keys)) != len(keys):
        yield "searches of the same counts are given twice"
    for cell in cells:
        for point in cell.points:
            for problem in _point_problems(cell, point):
                yield f"searches {cell.references}, {cell.probes} among {point.gallery}: {problem}"


def fewest_pairs(gallery: int, fpir: float) -> float:
    """Return how many pairs of people a target needs, so that MIN_PEOPLE_PAIRS_PER_TARGET false finds are expected."""
    return MIN_PEOPLE_PAIRS_PER_TARGET * gallery / fpir


def largest_gallery(people_pairs: int, fpir: float) -> int:
    """Return the largest gallery for which so many pairs of people can show a target."""
    return int(people_pairs * fpir / MIN_PEOPLE_PAIRS_PER_TARGET)


def _point_problems(cell: SearchCell, point: SearchPoint) -> Iterator[str]:
    if not 0 < point.fpir < 1 or point.gallery < 1:
        yield "no rate of a search"
    elif cell.people_pairs < fewest_pairs(point.gallery, point.fpir) * (1 - 1e-9):
        yield f"{cell.people_pairs} pairs of people cannot show an FPIR of {point.fpir:g}"
    if not -1 <= point.threshold <= (point.upper_threshold if point.upper_threshold is not None else 1) <= 1:
        yield "thresholds are not scores in order"
    shares = (point.fnir_low, point.fnir, point.fnir_high)
    told = [one for one in shares if one is not None]
    if len(told) not in (0, 3) or told != sorted(told) or any(not 0 <= one <= 1 for one in told):
        yield "the FNIR is not inside its interval"
