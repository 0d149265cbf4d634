"""The durable unit of background work. The row is the truth; the broker is only a doorbell."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from heirloom.jobs.querysets import JobQuerySet, WorkerHeartbeatQuerySet


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class Job(models.Model):
    """One piece of work about one subject: waiting, leased by a worker, done (perhaps with an error code) or dead."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.TextField()
    subject_id = models.UUIDField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    queue = models.TextField()
    state = models.TextField(choices=JobState.choices, default=JobState.QUEUED)
    stage = models.TextField(blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    error_code = models.TextField(blank=True)
    timings = models.JSONField(default=dict, help_text="Milliseconds by stage, of the last attempt.")
    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    ring_at = models.DateTimeField(help_text="When the broker is rung again if no worker has finished the job by then.")
    request_id = models.CharField(
        max_length=36,
        blank=True,
        default="",
        help_text="Of the request that left it, as the log of the web process has it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(name="jobs_job_state", condition=Q(state__in=JobState.values)),
            models.CheckConstraint(name="jobs_job_progress", condition=Q(progress__lte=100)),
            models.CheckConstraint(
                name="jobs_job_lease_while_running",
                condition=Q(state="running", lease_token__isnull=False, leased_until__isnull=False)
                | (~Q(state="running") & Q(lease_token__isnull=True, leased_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="jobs_job_finished",
                condition=Q(state__in=("done", "dead"), finished_at__isnull=False)
                | Q(state__in=("queued", "running"), finished_at__isnull=True),
            ),
        )
        indexes = (
            models.Index(name="jobs_job_waiting", fields=("ring_at",), condition=Q(state__in=("queued", "running"))),
            models.Index(
                name="jobs_job_never_begun",
                fields=("kind", "created_at"),
                condition=Q(state="queued", started_at__isnull=True),
            ),
            models.Index(name="jobs_job_subject", fields=("subject_id", "kind")),
            models.Index(F("created_at").desc(), name="jobs_job_newest"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


class VisionCall(models.Model):
    """A question of the web process to a vision worker, and its answer, both sealed; gone once it is read."""

    id = models.UUIDField(primary_key=True, editable=False)
    asked = models.BinaryField()
    answer = models.BinaryField(null=True)
    asked_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return str(self.id)


class PackActivation(models.Model):
    """That a vision pack was made the active one; the newest row says which one is. Rows are never changed."""

    id = models.BigAutoField(primary_key=True)
    pack = models.TextField()
    model = models.TextField(help_text="What its templates are named by.")
    previous = models.TextField()
    activated_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.pack


class WorkerHeartbeat(models.Model):
    """A process that says every few seconds that it lives."""

    name = models.TextField(primary_key=True)
    kind = models.TextField()
    seen_at = models.DateTimeField()
    good_until = models.DateTimeField()
    details = models.JSONField(default=dict)

    objects = WorkerHeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
