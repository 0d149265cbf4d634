"""Questions about sets of verifications and of challenges."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models

from heirloom.accounts.models import User

if TYPE_CHECKING:
    from verification.models import Challenge, Verification


class VerificationQuerySet(models.QuerySet["Verification"]):
    def visible_to(self, user: User) -> "VerificationQuerySet":
        """Keep what this login may see: a client app its own, hr, reviewer and admin all."""
        return self if user.has_role("hr", "reviewer", "admin") else self.filter(owner=user)

    def comparable(self) -> "VerificationQuerySet":
        """Keep the finished 1:1 ones whose person and file are still here."""
        kept = self.exclude(finished_at=None).filter(mode="verification", person__isnull=False, capture__isnull=False)
        return kept.exclude(capture__storage_name="").select_related("person", "capture")

    def for_answers(self) -> "VerificationQuerySet":
        """Load with each row what a list of the API tells of it."""
        return self.select_related("person").prefetch_related("candidates__person")

    def with_rows(self) -> "VerificationQuerySet":
        return self.select_related("person", "capture", "clip").prefetch_related("candidates__person", "frames")


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    def unused(self) -> "ChallengeQuerySet":
        return self.filter(used_at=None)

    def open_at(self, now: datetime) -> "ChallengeQuerySet":
        """Keep those that a clip may still answer."""
        return self.unused().filter(expires_at__gt=now)
