"""Questions about sets of API keys."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from heirloom.accounts.models import User

if TYPE_CHECKING:
    from heirloom.api.api_keys import ApiKey


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible_to(self, user: User) -> "ApiKeyQuerySet":
        """Keep what this login may see: a client app its own, admin all."""
        return self if user.has_role("admin") else self.filter(owner=user)

    def live_at(self, now: datetime) -> "ApiKeyQuerySet":
        """Keep what was neither revoked nor has expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
