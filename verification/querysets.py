"""Questions about sets of verifications and of challenges."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q

from enrollment.models import Person
from heirloom.accounts.models import User

if TYPE_CHECKING:
    from verification.models import Challenge, Verification


class VerificationQuerySet(models.QuerySet["Verification"]):
    def visible_to(self, user: User) -> "VerificationQuerySet":
        """Keep what this caller may see: a client app its own, hr, reviewer and admin all.

        With a key that may find only some people: what that key asked for, as long as it names nobody else.
        """
        rows = self if user.has_role("hr", "reviewer", "admin") else self.filter(owner=user)
        if user.gallery is None:
            return rows
        found = Person.objects.within(user.gallery)
        candidates = self.model._meta.get_field("candidates").related_model._default_manager
        others = candidates.filter(verification=OuterRef("pk")).exclude(person__in=found)
        named = Q(person=None) | Q(person__in=found)
        return rows.filter(named, ~Exists(others), api_key=user.api_key_id)

    def comparable(self) -> "VerificationQuerySet":
        """Keep the finished 1:1 ones whose person and file are still here."""
        kept = self.exclude(finished_at=None).filter(mode="verification", person__isnull=False, capture__isnull=False)
        return kept.exclude(capture__storage_name="").select_related("person", "capture")

    def for_answers(self) -> "VerificationQuerySet":
        """Load with each row what a list of the API tells of it, but what few rows have: candidates, job, review."""
        return self.select_related("person").defer(
            *("person__full_name", "person__department", "person__position", "person__private_sealed"),
            *(
                "person__employee_id",
                "person__status",
                "person__created_at",
                "person__updated_at",
                "person__plain_email",
                "person__plain_metadata",
            ),
        )

    def with_rows(self) -> "VerificationQuerySet":
        return self.select_related("person", "capture", "clip").prefetch_related("candidates__person", "frames")


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    def unused(self) -> "ChallengeQuerySet":
        return self.filter(used_at=None)

    def open_at(self, now: datetime) -> "ChallengeQuerySet":
        """Keep those that a clip may still answer."""
        return self.unused().filter(expires_at__gt=now)
