"""Questions about sets of reviews."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import TruncDate

if TYPE_CHECKING:
    from heirloom.reviews.models import Review


class ReviewQuerySet(models.QuerySet["Review"]):
    def open(self) -> "ReviewQuerySet":
        return self.filter(verdict="")

    def queue(self) -> "ReviewQuerySet":
        """What waits, the oldest day first and the riskiest first within it."""
        return self.open().order_by(TruncDate("created_at"), "-risk", "created_at")
