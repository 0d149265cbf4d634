"""Files that go straight to a bucket: S3 (moto) and Google Cloud Storage (an emulator), by the real libraries."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone
from gcp_storage_emulator.server import create_server
from google.cloud import storage as gcs
from google.oauth2 import service_account
from moto.server import ThreadedMotoServer
from pytest_django import Settings
from rest_framework.test import APIClient

from enrollment.models import Enrollment
from enrollment.services import captures
from heirloom.uploads import quarantine, services
from heirloom.uploads.models import Upload
from tests.cast import Cast, caller
from tests.uploads.conftest import URL, Sender, codes
from verification.models import Verification

DIRECT = f"{URL}direct/"
BUCKET = "quarantine"
Committed = Callable[..., Any]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def gcs_server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


class Stranger(service_account.Credentials):
    """A service account that Google does not know, so it asks for no token."""

    def refresh(self, request: Any) -> None:
        self.token = "none"


@pytest.fixture(scope="module")
def signer() -> Any:
    """A service account with a key made now."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    info = {
        "client_email": "heirloom@example.iam.gserviceaccount.com",
        "token_uri": "https://127.0.0.1:1/token",
        "private_key": key.decode(),
    }
    return Stranger.from_service_account_info(info)  # type: ignore[no-untyped-call]


@contextmanager
def s3(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Callable[[], list[str]]]:
    address = request.getfixturevalue("s3_server")
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-central-1"}
    bucket = boto3.resource("s3", endpoint_url=address, **keys).Bucket(BUCKET)
    bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    options = {"bucket_name": BUCKET, "endpoint_url": address, "access_key": "a", "secret_key": "b"}
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**options, "region_name": "eu-central-1"}}
    settings.STORAGES = {**settings.STORAGES, quarantine.ALIAS: backend}
    yield lambda: [found.key for found in bucket.objects.all()]
    bucket.objects.all().delete()
    bucket.delete()


@contextmanager
def google(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Callable[[], list[str]]]:
    address, signer = request.getfixturevalue("gcs_server"), request.getfixturevalue("signer")
    request.getfixturevalue("monkeypatch").setenv("STORAGE_EMULATOR_HOST", address)
    options = {"bucket_name": BUCKET, "project_id": "test", "credentials": signer, "location": "heirloom"}
    backend = {"BACKEND": "storages.backends.gcloud.GoogleCloudStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, quarantine.ALIAS: backend}
    client = gcs.Client(project="test", credentials=signer)
    yield lambda: [blob.name for blob in client.bucket(BUCKET).list_blobs()]
    for blob in client.bucket(BUCKET).list_blobs():
        blob.delete()


@pytest.fixture(params=[s3, google])
def objects(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Callable[[], list[str]]]:
    """A quarantine; called, it tells what is in it."""
    with request.param(request, settings) as told:
        yield told


def begun(client: APIClient, size: int) -> dict[str, Any]:
    answer = client.post(DIRECT, {"size_bytes": size}, format="json")
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    return dict(answer.json())


def put(signed: dict[str, Any], body: bytes) -> None:
    httpx.request(signed["method"], signed["url"], headers=signed["headers"], content=body).raise_for_status()


def verify(client: APIClient, upload: str) -> Any:
    return client.post("/api/v1/verifications/", {"employee_id": "E-7", "upload_id": upload}, format="json")


def test_a_file_goes_to_the_bucket_and_from_there_into_our_envelope(
    cleo: APIClient, person: str, photo: bytes, objects: Callable[[], list[str]], committed: Committed
) -> None:
    signed = begun(cleo, len(photo))
    assert codes(verify(cleo, signed["id"])) == ["upload_incomplete"]
    put(signed, photo)
    assert [name.rpartition("/")[2] for name in objects()] == [signed["id"]]
    with committed():
        answer = verify(cleo, signed["id"])
    assert answer.status_code == 202
    capture = Verification.objects.get(pk=answer.json()["id"]).capture
    assert capture is not None
    assert captures.read_bytes(capture) == photo
    assert objects() == []
    assert codes(verify(cleo, signed["id"])) == ["upload_used"]


def test_a_person_is_enrolled_from_the_bucket(
    hana: APIClient, person: str, photo: bytes, objects: Callable[[], list[str]], committed: Committed
) -> None:
    signed = begun(hana, len(photo))
    put(signed, photo)
    with committed():
        answer = hana.post(f"/api/v1/people/{person}/captures/", {"upload_id": signed["id"]}, format="json")
    assert Enrollment.objects.get(pk=answer.json()["id"]).captures.get().size_bytes == len(photo)
    assert objects() == []


def test_a_large_file_is_read_in_pieces(cleo: APIClient, objects: Callable[[], list[str]]) -> None:
    body = bytes(range(256)) * 40_000
    put(begun(cleo, len(body)), body)
    chunks = list(services.read(Upload.objects.get()))
    assert b"".join(chunks) == body
    assert max(map(len, chunks)) <= quarantine.CHUNK_BYTES


def test_a_file_of_another_size_is_not_taken(
    cleo: APIClient, person: str, photo: bytes, objects: Callable[[], list[str]]
) -> None:
    """The bucket itself refuses it, for the length is signed; these servers check no signature."""
    signed = begun(cleo, len(photo) - 1)
    headers = {name: value for name, value in signed["headers"].items() if name != "Content-Length"}
    put({**signed, "headers": headers}, photo)
    answer = verify(cleo, signed["id"])
    assert (answer.status_code, codes(answer)) == (409, ["upload_size_differs"])


def test_what_nobody_used_is_swept_from_the_bucket(
    cleo: APIClient, photo: bytes, objects: Callable[[], list[str]]
) -> None:
    signed = begun(cleo, len(photo))
    put(signed, photo)
    assert services.sweep() == 0
    Upload.objects.update(expires_at=timezone.now(), created_at=timezone.now() - timedelta(days=1))
    assert (services.sweep(), objects(), Upload.objects.count()) == (1, [], 0)


def test_what_is_sent_after_the_end_is_swept_too(
    cleo: APIClient, photo: bytes, objects: Callable[[], list[str]], committed: Committed
) -> None:
    """The signed address stays good for its quarter of an hour, whatever became of the upload."""
    signed = begun(cleo, len(photo))
    with committed():
        assert Sender(cleo).ask("DELETE", f"{URL}{signed['id']}/").status_code == 204
    put(signed, photo)
    assert (services.sweep(), len(objects())) == (0, 1)
    Upload.objects.update(created_at=timezone.now() - quarantine.SIGNED_FOR)
    assert (services.sweep(), objects()) == (1, [])


def test_a_direct_upload_is_its_owners_and_is_not_sent_to_by_tus(
    cleo: APIClient, cast: Cast, person: str, photo: bytes, objects: Callable[[], list[str]]
) -> None:
    signed = begun(cleo, len(photo))
    put(signed, photo)
    path = f"{URL}{signed['id']}/"
    assert verify(caller(cast.carl), signed["id"]).status_code == 404
    assert Sender(caller(cast.carl)).ask("DELETE", path).status_code == 404
    assert Sender(cleo).ask("HEAD", path).status_code == Sender(cleo).send(path, b"x", 0).status_code == 404


def test_the_address_is_bound_to_length_and_time_on_s3(
    cleo: APIClient, request: pytest.FixtureRequest, settings: Settings
) -> None:
    with s3(request, settings):
        signed = begun(cleo, 1234)
    asked = parse_qs(urlsplit(signed["url"]).query)
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert set(asked["X-Amz-SignedHeaders"][0].split(";")) == {"content-length", "content-type", "host"}
    assert asked["X-Amz-Expires"] == ["900"]
    assert signed["headers"] == {"Content-Type": "application/octet-stream", "Content-Length": "1234"}


def test_the_address_is_bound_to_length_and_time_at_google(
    cleo: APIClient, request: pytest.FixtureRequest, settings: Settings
) -> None:
    with google(request, settings):
        signed = begun(cleo, 1234)
    asked = parse_qs(urlsplit(signed["url"]).query)
    assert asked["X-Goog-Algorithm"] == ["GOOG4-RSA-SHA256"]
    assert {"content-type", "x-goog-content-length-range"} <= set(asked["X-Goog-SignedHeaders"][0].split(";"))
    assert asked["X-Goog-Expires"] == ["900"]
    assert signed["headers"]["x-goog-content-length-range"] == "1234,1234"


def test_a_repetition_by_its_key_begins_no_second_upload(
    cleo: APIClient, request: pytest.FixtureRequest, settings: Settings
) -> None:
    with s3(request, settings):
        first, again = (
            cleo.post(DIRECT, {"size_bytes": 9}, format="json", headers={"Idempotency-Key": "one"}) for _ in range(2)
        )
    assert (first.json(), Upload.objects.count()) == (again.json(), 1)


def test_without_a_bucket_it_says_so(cleo: APIClient, settings: Settings, tmp_path: Path) -> None:
    answer = cleo.post(DIRECT, {"size_bytes": 10}, format="json")
    assert (answer.status_code, codes(answer)) == (409, ["direct_upload_unavailable"])
    folder = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, quarantine.ALIAS: folder}
    assert codes(cleo.post(DIRECT, {"size_bytes": 10}, format="json")) == ["direct_upload_unavailable"]
    assert not Upload.objects.exists()


def test_a_bucket_that_does_not_answer_is_503(cleo: APIClient, person: str, settings: Settings, cast: Cast) -> None:
    keys = {"access_key": "a", "secret_key": "b", "region_name": "eu-central-1", "bucket_name": BUCKET}
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**keys, "endpoint_url": "http://127.0.0.1:1"}}
    settings.STORAGES = {**settings.STORAGES, quarantine.ALIAS: backend}
    upload = services.create(owner=cast.cleo, size_bytes=3, way=Upload.Way.DIRECT)
    answer = verify(cleo, str(upload.id))
    assert (answer.status_code, codes(answer)) == (503, ["storage_unavailable"])
    Upload.objects.update(expires_at=timezone.now(), created_at=timezone.now() - timedelta(days=1))
    assert (services.sweep(), Upload.objects.count()) == (0, 1)


@pytest.mark.parametrize("size", [0, -1, "x", None, 1.5, 10**30, json.dumps({})])
def test_a_size_must_be_told(cleo: APIClient, request: pytest.FixtureRequest, settings: Settings, size: object) -> None:
    with s3(request, settings):
        assert cleo.post(DIRECT, {"size_bytes": size}, format="json").status_code in {400, 413}
    assert not Upload.objects.exists()
