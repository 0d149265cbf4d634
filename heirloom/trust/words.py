"""The numbers of a report as people read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

STATES = {"alarm": "Alarm", "steady": "Steady", "no baseline yet": "No baseline yet"}


@dataclass(frozen=True, slots=True)
class FigureRow:
    title: str
    value: str
    interval: str
    counted: str
    caution: str
    not_shown: str


@dataclass(frozen=True, slots=True)
class DriftRow:
    title: str
    state: str
    words: str
    baseline: str
    rate: str
    events: str
    evidence: str
    may_be: str


def figure_rows(figures: Iterable[Mapping[str, Any]]) -> list[FigureRow]:
    """Return a line for each figure; where there is no rate, a dash and why."""
    return [
        FigureRow(
            one["title"],
            percent(one["value"]),
            "" if one["value"] is None else f"{percent(one['low'])} to {percent(one['high'])}",
            "" if one["n"] is None else f"{one['n']:,} {one['counted']}",
            one["caution"],
            one["not_shown"],
        )
        for one in figures
    ]


def drift_rows(watched: Iterable[Mapping[str, Any]]) -> list[DriftRow]:
    """Return a line for each watched rate."""
    return [
        DriftRow(
            one["title"],
            one["state"],
            STATES[one["state"]],
            percent(one["baseline"]),
            percent(one["rate"]),
            f"{one['events']:,}",
            "—" if one["evidence"] is None else f"{one['evidence']:.1f}",
            one["may_be"],
        )
        for one in watched
    ]


def percent(share: float | None) -> str:
    """Return a share in percent: two digits that count, so that small rates are not rounded away."""
    if share is None:
        return "—"
    hundred = 100 * share
    return f"{hundred:.2f} %" if hundred >= 0.1 or hundred == 0 else f"{hundred:.2g} %"
