"""A quarantine on S3, or on whatever speaks its protocol."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.utils import timezone
from storages.backends.s3 import S3Storage

from heirloom.errors import Refusal
from heirloom.uploads.quarantine import ANSWERS_WITHIN_S, CHUNK_BYTES, CONTENT_TYPE, SIGNED_FOR, Signed, key


class S3Bucket:
    """The bucket of a configured S3Storage, through a client of our own."""

    def __init__(self, storage: S3Storage) -> None:
        self._bucket: str = storage.bucket_name
        self._location: str = storage.location
        # Only Signature Version 4 signs the length; checksums that boto would add are the caller's affair.
        ours = Config(
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            connect_timeout=ANSWERS_WITHIN_S,
            read_timeout=ANSWERS_WITHIN_S,
            retries={"total_max_attempts": 2},
        )
        self._client = _session(storage).client(
            "s3",
            region_name=storage.region_name,
            use_ssl=storage.use_ssl,
            endpoint_url=storage.endpoint_url,
            verify=storage.verify,
            config=storage.client_config.merge(ours),
        )

    def sign(self, name: str, *, size_bytes: int) -> Signed:
        headers = {"Content-Type": CONTENT_TYPE, "Content-Length": str(size_bytes)}
        expires_at = timezone.now() + SIGNED_FOR
        with _provider_errors():
            url = self._client.generate_presigned_url(
                "put_object",
                Params={**self._named(name), "ContentType": CONTENT_TYPE, "ContentLength": size_bytes},
                ExpiresIn=int(SIGNED_FOR.total_seconds()),
            )
        return Signed("PUT", url, headers, expires_at)

    def size_bytes(self, name: str) -> int | None:
        with _provider_errors():
            try:
                return int(self._client.head_object(**self._named(name))["ContentLength"])
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise

    def read(self, name: str) -> Iterator[bytes]:
        with _provider_errors():
            yield from self._client.get_object(**self._named(name))["Body"].iter_chunks(CHUNK_BYTES)

    def delete(self, name: str) -> None:
        with _provider_errors():
            self._client.delete_object(**self._named(name))

    def _named(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key(self._location, name)}


def _session(storage: S3Storage) -> Any:
    if storage.session_profile:
        return boto3.session.Session(profile_name=storage.session_profile)
    return boto3.session.Session(
        aws_access_key_id=storage.access_key,
        aws_secret_access_key=storage.secret_key,
        aws_session_token=storage.security_token,
    )


@contextmanager
def _provider_errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Refusal("storage_unavailable") from error
