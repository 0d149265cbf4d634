"""Questions about sets of verifications."""

from typing import TYPE_CHECKING

from django.db import models

from heirloom.accounts.models import User

if TYPE_CHECKING:
    from verification.models import Verification


class VerificationQuerySet(models.QuerySet["Verification"]):
    def visible_to(self, user: User) -> "VerificationQuerySet":
        """Keep what this login may see: a client app its own, hr, reviewer and admin all."""
        return self if user.has_role("hr", "reviewer", "admin") else self.filter(owner=user)

    def for_answers(self) -> "VerificationQuerySet":
        """Load with each row what a list of the API tells of it."""
        return self.select_related("person").prefetch_related("candidates__person")

    def with_rows(self) -> "VerificationQuerySet":
        return self.select_related("person", "capture").prefetch_related("candidates__person", "frames")
