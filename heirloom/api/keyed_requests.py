"""The rows behind the header Idempotency-Key; heirloom.api.idempotency is their only writer."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q


class KeyedRequest(models.Model):
    """A request that its caller named by a key: answered, or erased with the person that it was about.

    Its id is a keyed hash of caller, route and key. Once erased, nothing else of the request is left. One that is under
    way has no row yet: it is written with the effect.
    """

    id = models.CharField(max_length=64, primary_key=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    # Keyed hashes of the ids by which the request and its answer name people and things: what erasure looks for.
    names = ArrayField(models.TextField(), default=list)
    answer = models.BinaryField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(name="api_keyedrequest_expiry", fields=("expires_at",)),
            GinIndex(name="api_keyedrequest_names", fields=("names",)),
        )
        constraints = (
            models.CheckConstraint(
                name="api_keyedrequest_one_state",
                condition=Q(answer__isnull=False) | Q(answer__isnull=True, fingerprint="", names=[]),
            ),
        )

    def __str__(self) -> str:
        return self.id

    @property
    def is_erased(self) -> bool:
        return self.answer is None
