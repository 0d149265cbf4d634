"""Whether a rate has moved away from its baseline: a sequential test, one event after the other.

Two CUSUMs (E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954), one for a rise and one for a fall, over
the log likelihood ratio of each event: the baseline moved by SHIFT against the baseline. The ratio of one event is
bounded, so none raises an alarm alone. `python -m bench.drift` measures how soon a shift is found, and how often an
alarm is false.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

SHIFT = 0.02
"""The smallest move that must be found: two points of a hundred."""
LIMIT = 15.0
"""The evidence (log likelihood ratio, nats) from which it is an alarm; chosen by `python -m bench.drift`."""
BASELINE_EVENTS = 10_000
"""So many events make a baseline."""
_LEAST = 1e-3
"""A baseline is taken for no nearer to 0 or 1, for then a single event would be all but impossible under it."""

Events = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Watched:
    """Where the test of one rate stands.

    rise, fall: evidence so far (nats), 0 or more. events: since the baseline. alarmed_after: the number of the event
    that raised the alarm, None while there is none; it stays until a new baseline is begun.
    """

    baseline: float
    rise: float = 0.0
    fall: float = 0.0
    events: int = 0
    hits: int = 0
    alarmed_after: int | None = None

    @property
    def rate(self) -> float | None:
        """The rate since the baseline; None before the first event."""
        return self.hits / self.events if self.events else None

    @property
    def evidence(self) -> float:
        return max(self.rise, self.fall)


def begin(events: Events) -> Watched:
    """Return the test that holds later events to these. Raises ValueError without events."""
    if not len(events):
        raise ValueError("no baseline without events")
    return Watched(float(np.clip(np.mean(events), _LEAST, 1 - _LEAST)))


def follow(watched: Watched, events: Events) -> Watched:
    """Return the test after these events, in their order."""
    if not len(events):
        return watched
    rises, rise = _evidence(watched.baseline, SHIFT, watched.rise, events)
    falls, fall = _evidence(watched.baseline, -SHIFT, watched.fall, events)
    alarmed = watched.alarmed_after
    if alarmed is None:
        over = np.flatnonzero(np.maximum(rises, falls) >= LIMIT)
        alarmed = watched.events + int(over[0]) + 1 if len(over) else None
    return replace(
        watched,
        rise=rise,
        fall=fall,
        events=watched.events + len(events),
        hits=watched.hits + int(np.count_nonzero(events)),
        alarmed_after=alarmed,
    )


def _evidence(baseline: float, shift: float, before: float, events: Events) -> tuple[NDArray[np.float64], float]:
    """Return the CUSUM after each event, and after the last. A rate that has no room to move by the shift has none."""
    moved = baseline + shift
    if not _LEAST <= moved <= 1 - _LEAST:
        return np.zeros(len(events)), 0.0
    steps = np.where(events, math.log(moved / baseline), math.log((1 - moved) / (1 - baseline)))
    steps[0] += before
    total = np.cumsum(steps)
    found = total - np.minimum(0.0, np.minimum.accumulate(total))
    return found, float(found[-1])
