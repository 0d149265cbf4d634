"""What is being sent in several requests, or straight to a bucket, until a verification or an enrollment uses it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from heirloom.uploads.querysets import UploadQuerySet


class Upload(models.Model):
    """One file on its way. It is a subject of its own: its parts are sealed under its own key, which ends with it.

    A used one stays for a while, without its bytes, so that whoever uses it again is told so.
    """

    class Way(models.TextChoices):
        RESUMABLE = "resumable", "Resumable"
        DIRECT = "direct", "Straight to the bucket"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Logins are switched off, not deleted; the bytes of one that had uploads would otherwise be forgotten.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="uploads")
    way = models.CharField(max_length=16, choices=Way, default=Way.RESUMABLE)
    size_bytes = models.BigIntegerField(help_text="What was announced.")
    offset = models.BigIntegerField(default=0, help_text="How many bytes are here; of a direct one, none.")
    metadata_sealed = models.BinaryField(null=True)
    # The request that sends at present: a later one takes over, and the earlier one ends.
    sender = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(name="uploads_upload_open", fields=("owner", "expires_at"), condition=Q(used_at=None)),
            models.Index(name="uploads_upload_expiry", fields=("expires_at",)),
        )
        constraints = (
            models.CheckConstraint(
                name="uploads_upload_offset", condition=Q(offset__gte=0, offset__lte=F("size_bytes"))
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

    @property
    def has_expired(self) -> bool:
        return self.used_at is None and self.expires_at <= timezone.now()

    @property
    def storage_name(self) -> str:
        """What a direct one is called in the bucket."""
        return f"uploads/{self.id}"


class UploadPart(models.Model):
    """A sealed piece of an upload. The row is written before the file, so that no file is ever left without one."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="parts")
    start = models.BigIntegerField()
    size_bytes = models.BigIntegerField()
    storage_name = models.CharField(max_length=120, unique=True)
    is_counted = models.BooleanField(default=False, help_text="Whether it belongs to the bytes that are here.")

    class Meta:
        ordering = ("start",)
        constraints = (
            models.UniqueConstraint(
                name="uploads_part_counted_once", fields=("upload", "start"), condition=Q(is_counted=True)
            ),
        )

    def __str__(self) -> str:
        return self.storage_name

    @property
    def file_place(self) -> str:
        """What its file's name must begin with, whatever `storage_name` says (crypto.files)."""
        return f"uploads/{self.upload_id}/{self.start}"
