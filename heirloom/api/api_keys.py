"""The rows of API keys, which client apps send instead of signing in; heirloom.api.keys is their only writer."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from heirloom.accounts.limits import GalleryLimit
from heirloom.api.querysets import ApiKeyQuerySet


class ApiKey(models.Model):
    """One key of a client app. Of its secret only the SHA-256 is kept: it has 256 random bits, so nothing is slowed.

    Without people and departments it may find everybody whom its scopes let it. It may not both be limited and write
    people: whoever enrolls learns whether a face is known, and that is looked up among everybody.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    secret_sha256 = models.CharField(max_length=64, editable=False)
    # The secret before the last rotation, which is good for a while still.
    former_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    former_until = models.DateTimeField(null=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    person_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    departments = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["owner", "-created_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(person_ids=[], departments=[]) | ~Q(scopes__contains=["people:write"]),
                name="limited_key_writes_no_people",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def gallery(self) -> GalleryLimit | None:
        """Whom alone the key may find or name; None for no limit."""
        if not (self.person_ids or self.departments):
            return None
        return GalleryLimit(frozenset(self.person_ids), frozenset(self.departments))
