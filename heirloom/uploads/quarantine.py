"""The bucket that files may be sent to straight, under its provider's encryption, until they are taken into ours.

STORAGES["quarantine"] configures it, as django-storages knows S3 and Google Cloud Storage. Nothing stays there once it
was used or a day has passed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from django.conf import settings
from django.core.files.storage import storages
from django.utils.module_loading import import_string

from heirloom.errors import Refusal

ALIAS = "quarantine"
SIGNED_FOR = timedelta(minutes=15)
"""How long a request to the bucket may begin; it may take longer to end."""
CONTENT_TYPE = "application/octet-stream"
CHUNK_BYTES = 1024 * 1024
ANSWERS_WITHIN_S = 10
"""A caller waits for what we ask the provider."""
_KINDS = {
    "storages.backends.s3.S3Storage": "heirloom.uploads.s3.S3Bucket",
    "storages.backends.gcloud.GoogleCloudStorage": "heirloom.uploads.gcs.GoogleBucket",
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that whoever has it may send, with exactly these headers and as many bytes as were announced."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class Bucket(Protocol):
    """What a provider does for us. Every method raises Refusal "storage_unavailable"."""

    def sign(self, name: str, *, size_bytes: int) -> Signed: ...

    def size_bytes(self, name: str) -> int | None:
        """Return the size of an object; None if there is none."""

    def read(self, name: str) -> Iterator[bytes]: ...

    def delete(self, name: str) -> None:
        """Delete an object; one that is not there is no fault."""


def bucket() -> Bucket:
    """Return the bucket of this installation. Raises Refusal "direct_upload_unavailable" if it has none."""
    if ALIAS not in settings.STORAGES:
        raise Refusal("direct_upload_unavailable")
    return _bucket_of(storages[ALIAS])


def kind_of(storage: object) -> str | None:
    """Return what speaks to a storage of this kind, by its dotted name; None if uploads cannot go straight to it."""
    named = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(storage).__mro__)
    return next((_KINDS[name] for name in named if name in _KINDS), None)


@lru_cache(maxsize=2)
def _bucket_of(storage: Any) -> Bucket:
    kind = kind_of(storage)
    if kind is None:
        raise Refusal("direct_upload_unavailable")
    made: Bucket = import_string(kind)(storage)
    return made


def key(location: str, name: str) -> str:
    """Return what an object is called in a bucket of which the installation has the folder `location`."""
    return f"{location.strip('/')}/{name}".lstrip("/")
