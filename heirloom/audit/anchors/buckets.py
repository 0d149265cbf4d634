"""Anchors in object storage, one object each; S3 and Google Cloud Storage hold each by a retention that time ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.utils import timezone
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from storages.backends.gcloud import GoogleCloudStorage
from storages.backends.s3 import S3Storage

from heirloom.audit.anchors.anchor import ANSWERS_WITHIN_S, Anchor, AnchorFailedError, Fault

ALIAS = "audit-anchors"
"""The alias in STORAGES. Its keys need to write and to read, not to delete."""
_JSON = "application/json"
_PATIENCE = Config(connect_timeout=ANSWERS_WITHIN_S, read_timeout=ANSWERS_WITHIN_S, retries={"total_max_attempts": 2})
_PREFIX = "audit-anchors/"


class Bucket:
    """retain_days: how long each object refuses to be deleted or replaced; 0 leaves that to the bucket's own rule."""

    name = "storage"

    def __init__(self, retain_days: int) -> None:
        self._retain_days = retain_days

    def write(self, anchor: Anchor) -> None:
        name = f"{_PREFIX}{anchor.sequence:012d}-{anchor.at:%Y%m%dT%H%M%SZ}-{anchor.hash[:12]}.json"
        with _provider_errors(Fault.NOT_WRITTEN):
            _put(_storage(), name, anchor.dump().encode(), self._retain_days)

    def read(self) -> Iterator[Anchor | None]:
        with _provider_errors(Fault.NOT_REACHED):
            storage = _storage()
            try:
                _, names = storage.listdir(_PREFIX)
            except FileNotFoundError:
                names = []
            for name in sorted(names):
                with storage.open(_PREFIX + name) as file:
                    yield _parsed(file.read())


def _storage() -> Storage:
    """Return the configured storage, which does not wait for S3 as long as boto would."""
    storage = storages[ALIAS]
    if isinstance(storage, S3Storage):
        storage.client_config = storage.client_config.merge(_PATIENCE)
    return storage


def _put(storage: Storage, name: str, body: bytes, retain_days: int) -> None:
    until = timezone.now() + timedelta(days=retain_days)
    if isinstance(storage, S3Storage):
        held = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until} if retain_days else {}
        # A checksum is required of a request with a retention (S3 User Guide, Object Lock).
        bucket = cast(Any, storage.bucket)
        bucket.Object(_key(storage, name)).put(Body=body, ContentType=_JSON, ChecksumAlgorithm="SHA256", **held)
    elif isinstance(storage, GoogleCloudStorage):
        blob = storage.bucket.blob(_key(storage, name))
        if retain_days:
            blob.retention.mode, blob.retention.retain_until_time = "Locked", until
        blob.upload_from_string(body, content_type=_JSON, if_generation_match=0, timeout=ANSWERS_WITHIN_S)
    elif retain_days:
        raise AnchorFailedError(Fault.NOT_CONFIGURED)
    else:
        storage.save(name, ContentFile(body))


def _key(storage: Any, name: str) -> str:
    return "/".join(part for part in (str(storage.location).strip("/"), name) if part)


def _parsed(read: bytes) -> Anchor | None:
    try:
        return Anchor.parse(read)
    except ValueError:
        return None


@contextmanager
def _provider_errors(fault: Fault) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, GoogleAPIError, GoogleAuthError, OSError):
        raise AnchorFailedError(fault) from None
