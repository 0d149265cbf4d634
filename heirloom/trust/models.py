"""What this installation can show of its own errors, night by night, and the rates that are watched for drift."""

import uuid

from django.db import models


class Report(models.Model):
    """One night's report. body: the very text that was signed, JSON without any person's data (trust.reporting)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    made_at = models.DateTimeField()
    release = models.CharField(max_length=40)
    body = models.TextField()
    # The key of the ring that the signing key was derived from, that one's public half, and the signature: base64.
    key_id = models.CharField(max_length=64)
    public_key = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)

    class Meta:
        ordering = ("-made_at",)
        verbose_name = "trust report"
        indexes = [models.Index(fields=["-made_at"])]

    def __str__(self) -> str:
        return f"Trust report of {self.made_at:%Y-%m-%d}"


class Watch(models.Model):
    """One watched rate: where its sequential test stands (evaluation.drift), and up to which attempt it has come.

    policy: under which the baseline was taken; another begins a new one. since: attempts count from here on.
    cut: for a rate of low values, the value below which one counts, taken from the baseline.
    """

    name = models.CharField(max_length=32, primary_key=True)
    policy = models.CharField(max_length=80, blank=True)
    since = models.DateTimeField()
    cut = models.FloatField(null=True)
    baseline = models.FloatField(null=True)
    rise = models.FloatField(default=0.0)
    fall = models.FloatField(default=0.0)
    events = models.BigIntegerField(default=0)
    hits = models.BigIntegerField(default=0)
    alarmed_after = models.BigIntegerField(null=True)
    alarmed_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    seen_id = models.UUIDField(null=True)

    def __str__(self) -> str:
        return self.name
