"""A quarantine on Google Cloud Storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone
from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.retry import DEFAULT_RETRY
from storages.backends.gcloud import GoogleCloudStorage

from heirloom.errors import Refusal
from heirloom.uploads.quarantine import ANSWERS_WITHIN_S, CHUNK_BYTES, CONTENT_TYPE, SIGNED_FOR, Signed, key

_PATIENCE: dict[str, Any] = {"timeout": ANSWERS_WITHIN_S, "retry": DEFAULT_RETRY.with_timeout(2 * ANSWERS_WITHIN_S)}


class GoogleBucket:
    """The bucket of a configured GoogleCloudStorage."""

    def __init__(self, storage: GoogleCloudStorage) -> None:
        self._storage = storage

    def sign(self, name: str, *, size_bytes: int) -> Signed:
        """Sign with the service account's key, or with `iam_sign_blob` by asking Google to (no key on this machine)."""
        # Google's own way to bind a length: a header that must be sent as signed, and is held against the body.
        length = {"x-goog-content-length-range": f"{size_bytes},{size_bytes}"}
        expires_at = timezone.now() + SIGNED_FOR
        with _provider_errors():
            url = self._blob(name).generate_signed_url(
                version="v4",
                expiration=SIGNED_FOR,
                method="PUT",
                content_type=CONTENT_TYPE,
                headers=length,
                api_access_endpoint=self._storage.client.api_endpoint,
                **self._signer(),
            )
        return Signed("PUT", url, {"Content-Type": CONTENT_TYPE, **length}, expires_at)

    def size_bytes(self, name: str) -> int | None:
        with _provider_errors():
            blob = self._storage.bucket.get_blob(key(self._storage.location, name), **_PATIENCE)
        return None if blob is None else int(blob.size)

    def read(self, name: str) -> Iterator[bytes]:
        with _provider_errors(), self._blob(name).open("rb", chunk_size=8 * CHUNK_BYTES, **_PATIENCE) as source:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk

    def delete(self, name: str) -> None:
        with _provider_errors():
            try:
                self._blob(name).delete(**_PATIENCE)
            except NotFound:
                return

    def _blob(self, name: str) -> Any:
        return self._storage.bucket.blob(key(self._storage.location, name))

    def _signer(self) -> dict[str, str]:
        if not self._storage.iam_sign_blob:
            return {}
        account, token = self._storage._get_iam_sign_blob_params()
        return {"service_account_email": account, "access_token": token}


@contextmanager
def _provider_errors() -> Iterator[None]:
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise Refusal("storage_unavailable") from error
