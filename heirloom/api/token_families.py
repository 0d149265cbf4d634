"""The rows of sign-ins by token; heirloom.api.families is their only writer."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class TokenFamily(models.Model):
    """All tokens that descend from one sign-in. Of its refresh tokens one is good, known by its id alone.

    No token is kept, so whoever reads this table signs in by nothing that stands in it.
    """

    class End(models.TextChoices):
        SIGNED_OUT = "signed_out"
        REUSED = "reused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="token_families")
    # What Django holds its own sessions to: with another password it is another.
    password_mark = models.CharField(max_length=64)
    present_jti = models.CharField(max_length=32)
    # The one before, which a client that asked twice at once may still send.
    former_jti = models.CharField(max_length=32, blank=True)
    rotated_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.TextField(choices=End.choices, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="api_family_end",
                condition=Q(ended_at=None, ended_by="")
                | Q(ended_at__isnull=False, ended_by__in=("signed_out", "reused")),
            ),
        )

    def __str__(self) -> str:
        return str(self.id)
