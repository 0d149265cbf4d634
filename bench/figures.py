"""What was measured: a series of seconds, and how it stands in docs/benchmarks.md."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """Seconds of several runs of one thing, in the order they were measured."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def percentile(self, share: float) -> float:
        """Return the smallest measured value that at least this share of the runs does not exceed."""
        ordered = sorted(self.seconds)
        rank = max(1, -int(-share * len(ordered) // 1))
        return ordered[rank - 1]

    def row(self, name: str) -> tuple[str, ...]:
        """Return name, median, least, most and count, as a row of COLUMNS."""
        return (name, told(self.median), told(min(self.seconds)), told(max(self.seconds)), str(len(self.seconds)))


COLUMNS = ("what", "median", "least", "most", "runs")


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that was promised; lower is better. wanted: what we aim at. limit: what must hold, if anything."""

    what: str
    measured: float
    wanted: float
    limit: float | None = None
    unit: str = ""

    def row(self) -> tuple[str, ...]:
        limit = "" if self.limit is None else f"{self.limit:g}{self.unit}"
        verdict = "met" if self.measured <= self.wanted else "missed"
        return (self.what, f"{self.measured:.3g}{self.unit}", f"{self.wanted:.3g}{self.unit}", limit, verdict)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. name: what `python -m bench.run` calls it. notes: plain sentences under the tables."""

    name: str
    title: str
    goals: tuple[Goal, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @property
    def within_limits(self) -> bool:
        return not any(goal.limit is not None and goal.measured > goal.limit for goal in self.goals)


def timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def series(act: Callable[[], object], runs: int, *, warm_up: int = 1) -> Series:
    """Time an act several times, after some times that do not count."""
    for _ in range(warm_up):
        act()
    return Series(tuple(timed(act) for _ in range(runs)))


def told(seconds: float) -> str:
    """Return a time with three digits, in the unit that reads best."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def ratio(ours: Series, theirs: Series) -> tuple[float, float, float]:
    """Return the ratio of medians, and the least and most of the ratios of runs made in turn."""
    pairs: Sequence[float] = [a / b for a, b in zip(ours.seconds, theirs.seconds, strict=True)]
    return ours.median / theirs.median, min(pairs), max(pairs)
