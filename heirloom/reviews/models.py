"""A case for a human about (kind, id): claim, verdict."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from heirloom.reviews.querysets import ReviewQuerySet


class Review(models.Model):
    """What waits for a person to decide: never for one who asked for it, to which the database holds everybody.

    Once decided, the database lets nobody change it.
    """

    class Verdict(models.TextChoices):
        APPROVED = "approved", "Approve"
        REJECTED = "rejected", "Reject"

    class ReasonCode(models.TextChoices):
        SAME_PERSON = "same_person", "The same person, shown live"
        DIFFERENT_PERSON = "different_person", "A different person"
        ATTACK_CONFIRMED = "attack_confirmed", "A photo, screen or mask was shown"
        ATTACK_NOT_CONFIRMED = "attack_not_confirmed", "No attack: a live person"
        POOR_EVIDENCE = "poor_evidence", "The evidence is too poor to approve"
        IDENTITY_CHECKED_IN_PERSON = "identity_checked_in_person", "Identity was checked in person"
        OTHER = "other", "Another reason, given in the comment"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    reasons = ArrayField(models.CharField(max_length=40), default=list)
    risk = models.FloatField(default=0.5, help_text="0 to 1; the riskiest of a day come first.")
    # Logins whose request this is: none of them decides it. Ids alone, for they outlast a login.
    askers = ArrayField(models.BigIntegerField(), default=list, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="claimed_reviews"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=16, choices=Verdict, blank=True)
    reason_code = models.CharField(max_length=40, choices=ReasonCode, blank=True)
    comment = models.TextField(max_length=2000, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="decided_reviews"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ("created_at",)
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="one_review_per_subject"),
            models.CheckConstraint(
                condition=Q(verdict="", decided_at=None)
                | (~Q(verdict="") & ~Q(reason_code="") & Q(decided_at__isnull=False)),
                name="review_decided_whole",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], condition=Q(verdict=""), name="open_reviews")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"

    @property
    def is_decided(self) -> bool:
        return bool(self.verdict)
