"""A worker's hold on a job: kept alive while it works, and the one way to make the job's effects happen once."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from heirloom.jobs import news
from heirloom.jobs.models import Job, JobState

logger = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """The job belongs to another worker now, or to nobody: stop, and write nothing."""


@dataclass(slots=True)
class Lease:
    """The hold of one attempt on one job; `attempt` counts from 1."""

    job_id: UUID
    kind: str
    subject_id: UUID
    token: UUID
    attempt: int
    request_id: str = ""
    settled: bool = False
    _stage: str = ""
    _timings: dict[str, int] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def report(self, stage: str, progress: int) -> None:
        """Say what is being done (a code) and how far it is, 0 to 100; also extends the lease.

        Raises LeaseLostError.
        """
        self._enter(stage)
        with transaction.atomic():
            self._extend(stage=stage, progress=max(0, min(100, progress)), timings=self._timings)
            news.tell(self.kind, self.subject_id)

    @contextmanager
    def effects(self, error_code: str = "") -> Iterator[None]:
        """Give the transaction that writes the job's results and marks it done, together or not at all.

        `error_code` is the public code of a failure that is final, whose outcome the caller writes.
        Raises LeaseLostError on entry; the job's row stays locked until the end, so nobody takes it up meanwhile.
        """
        self._enter("")
        with transaction.atomic():
            if self.settled or self._held().select_for_update().first() is None:
                raise LeaseLostError(str(self.job_id))
            yield
            self._held().update(
                state=JobState.DONE,
                progress=100,
                error_code=error_code,
                timings=self._timings,
                lease_token=None,
                leased_until=None,
                finished_at=Now(),
            )
            news.tell(self.kind, self.subject_id)
        self.settled = True

    @contextmanager
    def part(self, stage: str, progress: int) -> Iterator[None]:
        """Give the transaction that writes one part of a job's results; the job goes on after it.

        Whoever takes the job up later finds the part done. Attempts count from the last part that was.
        Raises LeaseLostError on entry; the job's row stays locked until the end.
        """
        self._enter(stage)
        with transaction.atomic():
            if self.settled or self._held().select_for_update().first() is None:
                raise LeaseLostError(str(self.job_id))
            yield
            self.attempt = 1
            self._extend(stage=stage, progress=max(0, min(100, progress)), timings=self._timings, attempts=1)

    def put_back(self, after: timedelta) -> None:
        """Let go of a job that cannot be begun now; it is rung for again after a pause, and no attempt is counted.

        Raises LeaseLostError.
        """
        if not self._held().update(
            state=JobState.QUEUED,
            attempts=self.attempt - 1,
            lease_token=None,
            leased_until=None,
            ring_at=Now() + after,
        ):
            raise LeaseLostError(str(self.job_id))
        self.settled = True

    def fail(self, code: str) -> None:
        """Mark the job done with the public code of a failure that trying again would not mend."""
        with self.effects(error_code=code):
            pass

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Extend the lease from a thread, three times per lease, while the work goes on."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), name=f"lease {self.job_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(settings.JOB_LEASE_S / 3):
            try:
                self._extend()
            except LeaseLostError:
                return
            except DatabaseError as error:
                logger.warning("lease of job %s not extended: %s", self.job_id, type(error).__name__)
            finally:
                connection.close()

    def _extend(self, **values: object) -> None:
        if not self._held().update(leased_until=lease_end(), **values):
            raise LeaseLostError(str(self.job_id))

    def _held(self) -> QuerySet[Job]:
        return Job.objects.filter(pk=self.job_id, lease_token=self.token)

    def _enter(self, stage: str) -> None:
        now = time.monotonic()
        if self._stage:
            spent = round((now - self._since) * 1000)
            self._timings[self._stage] = self._timings.get(self._stage, 0) + spent
        self._stage, self._since = stage, now


def lease_end() -> CombinedExpression:
    """Return the end of a lease that begins now, by the database's clock."""
    return Now() + timedelta(seconds=settings.JOB_LEASE_S)
