"""The rates that are watched for drift, each night up to the attempts of the day before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from heirloom.decision.verification import Outcome
from heirloom.evaluation import drift
from heirloom.evaluation.drift import Watched
from heirloom.trust.models import Watch
from verification.models import Verification

LOW_SHARE = 0.1
"""Of a rate of low values: the share of the baseline's values that lie under the cut."""
MOST_READ = 200_000
"""So many attempts are read in one night for one rate; what is left waits for the next."""
OURS = ("cancelled", "person_erased")
"""Attempts that ended so say nothing of faces, cameras or thresholds."""

Value = Callable[[Any], float | None]


@dataclass(frozen=True, slots=True)
class Stream:
    """One rate. value: of an attempt; None where the attempt does not count. is_low: what counts is a low value.

    moved: what may stand behind a move, for the page.
    """

    name: str
    title: str
    moved: str
    value: Value
    is_low: bool = False


def _reviewed(row: Any) -> float | None:
    return float(row.outcome == Outcome.NEEDS_REVIEW)


def _unanswered(row: Any) -> float | None:
    return float(row.outcome == Outcome.FAILED)


def _not_matched(row: Any) -> float | None:
    return None if row.score is None else float(row.outcome == Outcome.REJECTED)


def _above_threshold(row: Any) -> float | None:
    over = row.score is not None and row.threshold is not None and row.score >= row.threshold
    return float(row.score - row.threshold) if over else None


def _quality(row: Any) -> float | None:
    return None if row.best_quality is None else float(row.best_quality)


STREAMS = (
    Stream("reviewed", "Attempts that go to a reviewer", "cameras, light, a change of app, or an attack", _reviewed),
    Stream(
        "unanswered", "Attempts without an answer", "how photos are taken: blur, turned or several faces", _unanswered
    ),
    Stream(
        "no_match", "Attempts that do not match", "references that age, another camera, or people who try", _not_matched
    ),
    Stream(
        "low_score",
        "Matches just over the threshold",
        "references that age or another camera; or people who are not who matched",
        _above_threshold,
        is_low=True,
    ),
    Stream("low_quality", "Photos of low quality", "a camera's lens, focus or light", _quality, is_low=True),
)


def follow_all(*, policy: str, until: datetime) -> list[Watch]:
    """Bring each rate up to the attempts made before `until`; under another policy than before a baseline is begun."""
    return [_follow(stream, _row(stream, policy, until), until) for stream in STREAMS]


def begin_anew(*, policy: str, now: datetime) -> None:
    """Begin a new baseline of every rate with the attempts from now on; alarms end."""
    for stream in STREAMS:
        Watch.objects.filter(pk=stream.name).delete()
        Watch.objects.create(name=stream.name, policy=policy, since=now)


def alarmed() -> list[Watch]:
    return list(Watch.objects.exclude(alarmed_at=None).order_by("name"))


def _row(stream: Stream, policy: str, until: datetime) -> Watch:
    """Return where a rate stands under this policy; a new one begins with the first attempt under it."""
    watch = Watch.objects.filter(pk=stream.name, policy=policy).first()
    if watch is not None:
        return watch
    under = Verification.objects.filter(policy=policy).order_by("created_at").values_list("created_at", flat=True)
    Watch.objects.filter(pk=stream.name).delete()
    return Watch.objects.create(name=stream.name, policy=policy, since=under.first() or until)


def _follow(stream: Stream, watch: Watch, until: datetime) -> Watch:
    rows = _attempts(watch, until).iterator(chunk_size=5_000)
    counted = ((value, row) for row in islice(rows, MOST_READ) if (value := stream.value(row)) is not None)
    if watch.baseline is None and not _begun(stream, watch, list(islice(counted, drift.BASELINE_EVENTS))):
        return watch
    found = list(counted)
    if found:
        _take_on(watch, drift.follow(_test_of(watch), _events(stream, watch, found)), found[-1][1])
    watch.save()
    return watch


def _begun(stream: Stream, watch: Watch, found: list[tuple[float, Any]]) -> bool:
    """Take the baseline where there are attempts enough for it; say whether."""
    if len(found) < drift.BASELINE_EVENTS:
        return False
    values = np.array([value for value, _ in found])
    watch.cut = float(np.quantile(values, LOW_SHARE)) if stream.is_low else None
    _take_on(watch, drift.begin(_events(stream, watch, found)), found[-1][1])
    return True


def _events(stream: Stream, watch: Watch, found: list[tuple[float, Any]]) -> drift.Events:
    values = np.array([value for value, _ in found])
    if watch.cut is None:
        return np.asarray(values > 0.5)
    return np.asarray(values < watch.cut)


def _attempts(watch: Watch, until: datetime) -> QuerySet[Any]:
    """Return the finished attempts that come after those seen, in the order in which they were made."""
    rows = Verification.objects.filter(created_at__gte=watch.seen_at or watch.since, created_at__lt=until)
    if watch.seen_at is not None:
        rows = rows.filter(Q(created_at__gt=watch.seen_at) | Q(id__gt=watch.seen_id))
    rows = rows.filter(policy__in=(watch.policy, "")).exclude(outcome="").exclude(reasons__overlap=list(OURS))
    fields = ("id", "created_at", "outcome", "score", "threshold", "best_quality")
    one_to_one = rows.filter(mode=Verification.Mode.VERIFICATION).annotate(best_quality=Max("frames__quality"))
    return one_to_one.order_by("created_at", "id").values_list(*fields, named=True)


def _test_of(watch: Watch) -> Watched:
    if watch.baseline is None:
        raise ValueError(f"{watch.name} has no baseline")
    return Watched(watch.baseline, watch.rise, watch.fall, watch.events, watch.hits, watch.alarmed_after)


def _take_on(watch: Watch, test: Watched, last: Any) -> None:
    watch.baseline, watch.rise, watch.fall = test.baseline, test.rise, test.fall
    watch.events, watch.hits, watch.alarmed_after = test.events, test.hits, test.alarmed_after
    watch.seen_at, watch.seen_id = last.created_at, last.id
    if test.alarmed_after is not None and watch.alarmed_at is None:
        watch.alarmed_at = timezone.now()
