"""The data keys: one per subject, wrapped by a key of the ring. What is to be forgotten, and what is still opened."""

from django.db import models


class DataKey(models.Model):
    """The wrapped key of one subject, or the mark that its key was destroyed.

    The mark stays, so that work still under way for an erased subject cannot start a new key for it. `share` names the
    other half of what wraps the key (heirloom.crypto.shares); beside the mark it says that the share is still there.
    """

    subject = models.UUIDField(primary_key=True)
    wrapped = models.BinaryField(null=True)
    ring_key = models.TextField(blank=True)
    # Rows of former versions have none until a worker has wrapped them anew.
    share = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="crypto_datakey_wrapped_or_destroyed",
                condition=models.Q(wrapped__isnull=False, destroyed_at__isnull=True)
                | models.Q(wrapped__isnull=True, destroyed_at__isnull=False),
            ),
        )
        indexes = (
            models.Index(fields=("ring_key",)),
            # Both are few, and looked for every few seconds.
            models.Index(
                name="crypto_shares_to_destroy",
                fields=("destroyed_at",),
                condition=models.Q(destroyed_at__isnull=False, share__isnull=False),
            ),
            models.Index(
                name="crypto_keys_without_share",
                fields=("subject",),
                condition=models.Q(wrapped__isnull=False, share__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return str(self.subject)


class ForgottenFile(models.Model):
    """A file that must go and may still be there: the row goes when the file has gone."""

    name = models.TextField(primary_key=True)
    forgotten_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class RewrittenTable(models.Model):
    """A table of which deleted rows must leave the database's files: up to which transaction, and how far it is."""

    name = models.TextField(primary_key=True)
    asked_xid = models.BigIntegerField()
    done_xid = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class FormerSeals(models.Model):
    """The permit to open seals of version 1, at most one row; `mark` is keyed by a key of the ring (crypto.former)."""

    ring_key = models.TextField()
    mark = models.BinaryField()
