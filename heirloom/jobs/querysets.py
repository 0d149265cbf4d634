"""Questions about sets of jobs. All of them go by the database's clock: workers may disagree about the time."""

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now

if TYPE_CHECKING:
    from heirloom.jobs.models import Job, WorkerHeartbeat


class JobQuerySet(QuerySet["Job"]):
    def abandoned(self) -> Self:
        """Return running jobs whose worker let the lease run out."""
        return self.filter(state="running", leased_until__lt=Now())

    def claimable(self) -> Self:
        """Return jobs that a worker may take up now."""
        free = Q(state="queued") | Q(state="running", leased_until__lt=Now())
        return self.filter(free, attempts__lt=settings.JOB_MAX_ATTEMPTS)

    def exhausted(self) -> Self:
        """Return abandoned jobs that have no attempt left."""
        return self.abandoned().filter(attempts__gte=settings.JOB_MAX_ATTEMPTS)

    def due(self) -> Self:
        """Return claimable jobs for which the broker should be rung again, the longest waiting first."""
        return self.claimable().filter(ring_at__lte=Now()).order_by("ring_at")

    def longest_wait(self, kind: str) -> timedelta | None:
        """Return how long the oldest job of a kind has waited that no worker has taken up even once.

        One that was put back, because a part was away, does not count: a single bad one would stand for all.
        """
        waited = ExpressionWrapper(Now() - F("created_at"), output_field=DurationField())
        # The first row of its index: a question by age alone may have the planner read the whole table.
        never_begun = self.filter(kind=kind, state="queued", started_at=None).order_by("created_at")
        return never_begun.values_list(waited, flat=True).first()

    def waiting(self) -> Self:
        """Return jobs that are not finished."""
        return self.filter(state__in=("queued", "running"))


class WorkerHeartbeatQuerySet(QuerySet["WorkerHeartbeat"]):
    def alive(self, kind: str) -> Self:
        """Return the processes of a kind ("worker", "vision") that were seen within their own time limit."""
        return self.filter(kind=kind, good_until__gte=Now()).order_by("name")
