"""The only writers of jobs: enqueue, claim, run, sweep."""

import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.db.models.functions import Coalesce, Greatest, Least, Now
from django.utils.module_loading import import_string
from kombu.exceptions import KombuError

from heirloom import request_ids
from heirloom.accounts.models import User
from heirloom.celery import app
from heirloom.errors import CODES, Refusal
from heirloom.jobs import news
from heirloom.jobs.leases import Lease, LeaseLostError, lease_end
from heirloom.jobs.models import Job, JobState

__all__ = [
    "Lease",
    "LeaseLostError",
    "Swept",
    "cancel",
    "cancel_all",
    "claim",
    "enqueue",
    "latest",
    "require_keeping_up",
    "ring",
    "run",
    "sweep",
]
logger = logging.getLogger(__name__)

# A ring may be lost with the worker that heard it. It is repeated after this time, then ever more rarely: a job that
# is waiting in a long queue would otherwise fill the broker.
RING_AGAIN = timedelta(seconds=10)
RING_AT_LEAST_EVERY = timedelta(hours=1)
_SWEEP_BATCH = 500
BEHIND_RETRY_AFTER_S = 60
# A part that is away for a while (503) costs a job no attempt, until it has waited this long.
UNAVAILABLE, UNAVAILABLE_FOR = 503, timedelta(hours=1)

Handler = Callable[[UUID, Lease], None]
DeadHandler = Callable[[UUID, str], None]


@dataclass(frozen=True, slots=True)
class Swept:
    """How many jobs were offered to the workers again, and how many were given up."""

    rung: int
    buried: int


def enqueue(
    *,
    kind: str,
    subject_id: UUID,
    owner: User | None = None,
    queue: str = "media",
    after: timedelta = timedelta(),
) -> Job:
    """Write a job in the caller's transaction and ring the broker when that commits, or by a sweep `after` a pause.

    `kind` is one of settings.JOB_KINDS. A broker that is down delays the job until a sweep and fails nothing.
    """
    if kind not in settings.JOB_KINDS:
        raise ValueError(f"{kind!r} is not in JOB_KINDS")
    ring_at = Now() + (after or RING_AGAIN)
    request_id = "" if request_ids.current() == request_ids.NONE else request_ids.current()
    job = Job.objects.create(
        kind=kind, subject_id=subject_id, owner=owner, queue=queue, ring_at=ring_at, request_id=request_id
    )
    if not after:
        transaction.on_commit(lambda: _try_to_ring(job.pk, queue), robust=True)
    return job


def require_keeping_up(*, kind: str) -> None:
    """Raise Refusal "queue_too_old" while jobs of a kind wait for longer than QUEUE_TOO_OLD_S (0: never).

    For the doors of callers who can come again. Work that was taken is kept however old it gets.
    """
    most = timedelta(seconds=settings.QUEUE_TOO_OLD_S)
    if most and (Job.objects.longest_wait(kind) or timedelta()) > most:
        raise Refusal("queue_too_old", retry_after=BEHIND_RETRY_AFTER_S)


def latest(*, kind: str, subject_id: UUID) -> Job | None:
    """Return the newest job of a kind about a subject."""
    return Job.objects.filter(kind=kind, subject_id=subject_id).order_by("-created_at").first()


def cancel_all(*, kind: str, subject_ids: Iterable[UUID], code: str) -> int:
    """End what waits or is under way of a kind about several subjects, as `cancel` does; return how many there were."""
    waiting = Job.objects.waiting().filter(kind=kind, subject_id__in=list(subject_ids))
    held = list(waiting.order_by("pk").select_for_update(no_key=True))
    Job.objects.filter(pk__in=_ids(held)).update(
        state=JobState.DONE, error_code=code, lease_token=None, leased_until=None, finished_at=Now()
    )
    for job in held:
        news.tell(kind, job.subject_id)
    return len(held)


def cancel(*, kind: str, subject_id: UUID) -> None:
    """End, in the caller's transaction, what waits or is under way of a kind about a subject.

    A worker that is at it has lost its lease: it stops at its next report and writes nothing.
    """
    Job.objects.waiting().filter(kind=kind, subject_id=subject_id).update(
        state=JobState.DONE, error_code="cancelled", lease_token=None, leased_until=None, finished_at=Now()
    )
    news.tell(kind, subject_id)


@transaction.atomic
def claim(*, job_id: UUID) -> Lease | None:
    """Take up a job that waits or whose worker is gone; None if there is nothing to do. One atomic UPDATE."""
    token = uuid.uuid4()
    taken = Job.objects.claimable().filter(pk=job_id)
    if not taken.update(
        state=JobState.RUNNING,
        attempts=F("attempts") + 1,
        lease_token=token,
        leased_until=lease_end(),
        ring_at=lease_end(),
        started_at=Coalesce(F("started_at"), Now()),
        stage="",
        progress=0,
        error_code="",
    ):
        return None
    job = Job.objects.get(pk=job_id)
    news.tell(job.kind, job.subject_id)
    return Lease(job.pk, job.kind, job.subject_id, token, job.attempts, job.request_id)


def run(*, job_id: UUID) -> bool:
    """Claim a job and have its handler do it; say whether there was anything to do.

    A Refusal that is no fault of the installation's is final; any other failure is tried again, later and later,
    until JOB_MAX_ATTEMPTS. Whoever is given up is told so by settings.JOB_DEAD_HANDLERS.
    """
    lease = claim(job_id=job_id)
    if lease is None:
        return False
    with request_ids.carried(lease.request_id), lease.kept_alive():
        logger.info("job %s (%s), attempt %d begins", lease.job_id, lease.kind, lease.attempt)
        try:
            _handler(lease.kind)(lease.subject_id, lease)
            if not lease.settled:
                lease.fail("")
        except LeaseLostError:
            logger.warning("job %s was cancelled, or taken up by another worker", lease.job_id)
        except Refusal as refusal:
            _refused(lease, refusal)
        except Exception:
            # Any bug of a handler's: the traceback is for the operator, the caller learns a code after the last try.
            logger.exception("job %s (%s), attempt %d", lease.job_id, lease.kind, lease.attempt)
            _release(lease, "internal_error")
    return True


def sweep() -> Swept:
    """Give up jobs whose last attempt was cut off, and ring again for those that nobody took up.

    Any number of sweeps may run at once.
    """
    buried = sum(_bury(job_id) for job_id in _ids(Job.objects.exhausted()))
    due = _postponed_rings()
    ring(due)
    return Swept(rung=len(due), buried=buried)


def ring(jobs: Iterable[tuple[UUID, str]]) -> None:
    """Tell the workers of jobs, each an id and its queue; a broker that is down is logged."""
    for job_id, queue in jobs:
        _try_to_ring(job_id, queue)


def _try_to_ring(job_id: UUID, queue: str) -> None:
    try:
        app.send_task("heirloom.jobs.tasks.run_job", args=(str(job_id),), queue=queue, retry=False)
    except _broker_errors() as error:
        logger.warning("the broker was not rung for job %s, a sweep will: %s", job_id, type(error).__name__)


@cache
def _broker_errors() -> tuple[type[BaseException], ...]:
    broker = app.connection_for_write()
    return (KombuError, OSError, *broker.connection_errors, *broker.channel_errors)


def _handler(kind: str) -> Handler:
    handler: Handler = import_string(settings.JOB_KINDS[kind])
    return handler


def _refused(lease: Lease, refusal: Refusal) -> None:
    """A 5xx is the installation's own trouble, which may pass; anything else stays so however often it is tried."""
    logger.warning("job %s (%s), attempt %d: %s", lease.job_id, lease.kind, lease.attempt, refusal)
    if refusal.status >= 500:
        _release(lease, refusal.code)
    elif not lease.settled:
        _end(lease.job_id, JobState.DONE, refusal.code, token=lease.token)


def _release(lease: Lease, code: str) -> None:
    if lease.settled:
        return
    if not connection.in_atomic_block:
        # The failure may have been the connection's.
        connection.close_if_unusable_or_obsolete()
    counted = CODES[code].status != UNAVAILABLE or _is_old(lease)
    if counted and lease.attempt >= settings.JOB_MAX_ATTEMPTS:
        _end(lease.job_id, JobState.DEAD, code, token=lease.token)
        return
    pause = timedelta(seconds=settings.JOB_SWEEP_S * 4 ** (lease.attempt - 1))
    with transaction.atomic():
        Job.objects.filter(pk=lease.job_id, lease_token=lease.token).update(
            state=JobState.QUEUED,
            attempts=lease.attempt if counted else lease.attempt - 1,
            error_code=code,
            lease_token=None,
            leased_until=None,
            ring_at=Now() + pause,
        )
        news.tell(lease.kind, lease.subject_id)


def _is_old(lease: Lease) -> bool:
    """Whether a job has waited so long that even a fault that may pass counts as an attempt."""
    return Job.objects.filter(pk=lease.job_id, created_at__lt=Now() - UNAVAILABLE_FOR).exists()


def _end(job_id: UUID, state: JobState, code: str, *, token: UUID | None = None) -> bool:
    """Finish a job that its handler did not finish and tell its subject, in one transaction; say whether it was done.

    Without a token only a job that nobody holds is ended.
    """
    with transaction.atomic():
        open_to_us = Job.objects.exhausted() if token is None else Job.objects.filter(lease_token=token)
        # Our own heartbeat may hold the row for a moment: wait for it, but not for another sweep's.
        job = open_to_us.select_for_update(skip_locked=token is None).filter(pk=job_id).first()
        if job is None:
            return False
        Job.objects.filter(pk=job_id).update(
            state=state, error_code=code, lease_token=None, leased_until=None, finished_at=Now()
        )
        if job.kind in settings.JOB_DEAD_HANDLERS:
            tell: DeadHandler = import_string(settings.JOB_DEAD_HANDLERS[job.kind])
            tell(job.subject_id, code)
        news.tell(job.kind, job.subject_id)
    logger.error("job %s (%s) ended %s after %d attempts: %s", job_id, job.kind, state, job.attempts, code)
    return True


def _bury(job_id: UUID) -> bool:
    """Give up one job. A subject that cannot be told of it must not keep all other jobs from being swept."""
    try:
        return _end(job_id, JobState.DEAD, "interrupted")
    except Exception:
        logger.exception("job %s could not be given up", job_id)
        return False


def _ids(jobs: Iterable[Job]) -> list[UUID]:
    return [job.pk for job in jobs]


@transaction.atomic
def _postponed_rings() -> list[tuple[UUID, str]]:
    """Return the jobs to ring for now, and put off their next ring by as long as they have waited already."""
    due = list(Job.objects.due().select_for_update(skip_locked=True).values_list("pk", "queue")[:_SWEEP_BATCH])
    waited = ExpressionWrapper(Now() + (Now() - F("created_at")), output_field=DateTimeField())
    soonest, latest_at = (
        ExpressionWrapper(Now() + Value(pause), output_field=DateTimeField())
        for pause in (RING_AGAIN, RING_AT_LEAST_EVERY)
    )
    again = Least(Greatest(waited, soonest), latest_at)
    Job.objects.filter(pk__in=[job_id for job_id, _ in due]).update(ring_at=again)
    return due
