"""Questions about sets of uploads."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db.models import Q, QuerySet

from heirloom.accounts.models import User

if TYPE_CHECKING:
    from heirloom.uploads.models import Upload


class UploadQuerySet(QuerySet["Upload"]):
    def visible_to(self, user: User) -> Self:
        """Keep this login's own; nobody else's business, not even an admin's."""
        return self.filter(owner=user)

    def open_at(self, now: datetime) -> Self:
        """Keep those that may still be sent to, or used."""
        return self.filter(used_at=None, expires_at__gt=now)

    def done_with(self, now: datetime, *, kept_for: timedelta, signed_for: timedelta) -> Self:
        """Keep those whose time is over, and those used so long ago that nobody asks for them again.

        Of a direct one the address to send to must have ended too, or something might be sent there later.
        """
        over = Q(used_at=None, expires_at__lte=now) | Q(used_at__lte=now - kept_for)
        return self.filter(over).exclude(way="direct", created_at__gt=now - signed_for)
