"""Anchors in object storage, by the real libraries: S3 with Object Lock (moto), Google Cloud Storage (an emulator)."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from django.utils import timezone
from gcp_storage_emulator.server import create_server
from google.auth.credentials import AnonymousCredentials
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from heirloom.audit import services
from heirloom.audit.anchors import services as anchors
from heirloom.audit.anchors.anchor import Fault
from heirloom.audit.anchors.buckets import ALIAS
from heirloom.audit.models import AnchorState
from tests.audit.tampering import events, tamper

pytestmark = pytest.mark.django_db
BUCKET = "anchors"


@pytest.fixture(autouse=True)
def no_file(settings: Settings) -> None:
    settings.AUDIT_ANCHOR_FILE = ""


@pytest.fixture
def s3(settings: Settings) -> Iterator[Any]:
    """A bucket with Object Lock, on the alias of anchors."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=address, **keys)
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    options = {"bucket_name": BUCKET, "endpoint_url": address, "access_key": "a", "secret_key": "b"}
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**options, "region_name": "us-east-1"}}
    settings.STORAGES = {**settings.STORAGES, ALIAS: backend}
    yield client
    server.stop()


def test_s3_keeps_each_anchor_from_being_deleted_until_its_time(s3: Any, settings: Settings) -> None:
    settings.AUDIT_ANCHOR_RETAIN_DAYS = 30
    events(3)
    assert anchors.anchor_due() == 1
    (version,) = s3.list_object_versions(Bucket=BUCKET)["Versions"]
    held = s3.head_object(Bucket=BUCKET, Key=version["Key"])
    assert held["ObjectLockMode"] == "COMPLIANCE"
    assert held["ObjectLockRetainUntilDate"] > timezone.now() + timedelta(days=29)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    tamper("DELETE FROM audit_auditevent WHERE sequence > 1")
    kept, away = anchors.reachable()
    assert ("its end was cut" in services.verify(kept).doubts[0], away) == (True, [])


def test_a_bucket_that_is_away_is_told_and_verify_says_that_it_was_not_read(s3: Any, settings: Settings) -> None:
    options = {**settings.STORAGES[ALIAS]["OPTIONS"], "bucket_name": "none"}
    settings.STORAGES = {**settings.STORAGES, ALIAS: {**settings.STORAGES[ALIAS], "OPTIONS": options}}
    events(1)
    assert anchors.anchor_due() == 0
    assert AnchorState.objects.get().failure == Fault.NOT_WRITTEN
    assert anchors.reachable() == ([], ["storage"])


def test_google_keeps_each_anchor_as_an_object_of_its_own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    try:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        options = {"bucket_name": BUCKET, "project_id": "test", "credentials": AnonymousCredentials()}
        backend = {"BACKEND": "storages.backends.gcloud.GoogleCloudStorage", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, ALIAS: backend}
        events(2)
        assert anchors.anchor_due() == 1
        kept, away = anchors.reachable()
        assert ([one.anchor.sequence for one in kept], away) == ([2], [])
    finally:
        server.stop()


def test_a_retention_that_the_storage_cannot_give_is_not_pretended(settings: Settings) -> None:
    settings.STORAGES = {**settings.STORAGES, ALIAS: {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    settings.AUDIT_ANCHOR_RETAIN_DAYS = 30
    events(1)
    assert anchors.anchor_due() == 0
    assert AnchorState.objects.get().failure == Fault.NOT_CONFIGURED
