"""Who wants to be told of what, and what became of each event: the outbox and the log of deliveries in one."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from heirloom.accounts.models import User
from heirloom.webhooks.querysets import WebhookDeliveryQuerySet, WebhookEndpointQuerySet


class EventType(models.TextChoices):
    """What is told of. The codes stand in every payload: add, never rename."""

    VERIFICATION_DECIDED = "verification.decided", "Verification decided"
    REVIEW_DECIDED = "review.decided", "Review decided"
    PERSON_ENROLLED = "person.enrolled", "Person enrolled"
    PERSON_ERASED = "person.erased", "Person erased"
    TEST = "webhook.test", "Test"


# What an endpoint may ask for; a test comes only when its owner sends one.
SUBSCRIBABLE = tuple(event.value for event in EventType if event is not EventType.TEST)
# A client app is told of its own verifications and of nothing else.
FOR_CLIENTS = (EventType.VERIFICATION_DECIDED.value, EventType.REVIEW_DECIDED.value)


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    DEAD = "dead", "Dead"


class Failure(models.TextChoices):
    """Why the last attempt did not succeed."""

    STATUS = "status", "Answered with another status than 2xx"
    REDIRECTED = "redirected", "Answered with a redirect, which is not followed"
    TIMED_OUT = "timed_out", "No answer in time"
    NOT_REACHED = "not_reached", "No connection, or it broke off"
    TARGET_REFUSED = "webhook_target_refused", "The name leads to an address that may not be called"
    # Of before: a caller could tell by it which names the network knows. Written no more.
    TARGET_UNKNOWN = "webhook_target_unknown", "The name has no address"
    INACTIVE = "inactive", "The endpoint was switched off or revoked"
    INTERRUPTED = "interrupted", "Our own work was interrupted"


class WebhookEndpoint(models.Model):
    """An address that is told of events. Revoked ones stay for their log, without their secrets.

    Secrets are sealed under a key of the endpoint's own; the old one signs too until it ends.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2000)
    events = ArrayField(models.CharField(max_length=40, choices=EventType))
    description = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True)
    secret_sealed = models.BinaryField()
    old_secret_sealed = models.BinaryField(null=True)
    old_secret_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["owner", "-created_at"])]
        constraints = [
            models.CheckConstraint(
                name="webhook_old_secret_ends",
                condition=Q(old_secret_sealed=None, old_secret_until=None)
                | Q(old_secret_sealed__isnull=False, old_secret_until__isnull=False),
            ),
            models.CheckConstraint(name="webhook_revoked_is_silent", condition=Q(revoked_at=None) | Q(active=False)),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def listens(self) -> bool:
        """Whether it is sent anything at all."""
        return self.active and self.owner.is_active

    @property
    def is_rotating(self) -> bool:
        """Whether the secret before still signs."""
        return self.old_secret_until is not None and self.old_secret_until > timezone.now()


class WebhookDelivery(models.Model):
    """One event for one endpoint, written with what it tells of; retries and replays send the same id and bytes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField(help_text="The same for every endpoint that is told of the event.")
    type = models.CharField(max_length=40, choices=EventType)
    payload = models.TextField(help_text="The body as it is sent: ids and codes, never a name.")
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.PENDING)
    job_id = models.UUIDField(help_text="The job that attempts it next, or did last; any other is out of date.")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_excerpt = models.TextField(blank=True)
    failure = models.CharField(max_length=32, choices=Failure, blank=True)
    took_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    tried_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "webhook deliveries"
        indexes = [models.Index(fields=["endpoint", "-created_at", "-id"]), models.Index(fields=["-created_at", "-id"])]
        constraints = [
            models.CheckConstraint(
                name="webhook_delivery_finished",
                condition=Q(state="pending", finished_at=None, next_try_at__isnull=False)
                | Q(state__in=("delivered", "dead"), finished_at__isnull=False, next_try_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


def may_be_told(owner: User) -> tuple[str, ...]:
    """Return the types of events that endpoints of this login may ask for."""
    return SUBSCRIBABLE if owner.has_role("hr", "admin") else FOR_CLIENTS
