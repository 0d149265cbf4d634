"""What a login shows beside its password: codes of an app, passkeys, recovery codes."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class SecondFactor(models.Model):
    """A code app or a passkey of a login. Its secret or key is sealed under a data key of its own."""

    class Kind(models.TextChoices):
        TOTP = "totp", "Code app"
        PASSKEY = "passkey", "Passkey"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factors")
    kind = models.TextField(choices=Kind.choices)
    name = models.CharField(max_length=80)
    sealed = models.BinaryField()
    # The last time step of a code, or the last signature count of a passkey: an earlier or the same one is a copy.
    last_count = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField(auto_now_add=True)
    # Before its owner has shown that it works it opens and asks for nothing.
    confirmed_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("created_at",)
        constraints = (
            models.UniqueConstraint(
                name="factors_one_code_app", fields=("user",), condition=Q(kind="totp", confirmed_at__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code for the day on which the second factor is lost; good once, known by a keyed hash."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    mark = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(name="factors_recovery_code", fields=("user", "mark")),)

    def __str__(self) -> str:
        return str(self.pk)


class UserSession(models.Model):
    """A session of the pages, so that its owner can see and end it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="page_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    browser = models.CharField(max_length=80, blank=True)
    began_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ("-seen_at",)

    def __str__(self) -> str:
        return str(self.id)
