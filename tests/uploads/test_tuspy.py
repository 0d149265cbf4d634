"""The tus project's own client against a live server: what it does, and what we told about ourselves, fit together."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from heirloom.api import keys
from heirloom.uploads import services
from heirloom.uploads.models import Upload, UploadPart
from tests.cast import Cast, make_cast
from tests.processes import Processes
from tests.uploads.conftest import URL
from tests.uploads.cuts import LargeFile

MB = 1024 * 1024
FILE = LargeFile(5 * MB + 321)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def server(processes: Processes, django_db_setup: None) -> Iterator[str]:
    yield processes.web()
    processes.stop("web")


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(server: str, cast: Cast) -> TusClient:
    key = keys.create(owner=cast.cleo, name="kiosk", actor=cast.ada).secret
    return TusClient(f"{server}{URL}", headers={"X-API-Key": key})


@pytest.fixture
def stream() -> io.BytesIO:
    return io.BytesIO(b"".join(FILE.part(0, FILE.size)))


def held() -> str:
    return hashlib.sha256(b"".join(services.read(Upload.objects.get()))).hexdigest()


@pytest.mark.parametrize("options", [{}, {"chunk_size": MB}, {"chunk_size": 2 * MB + 1, "upload_checksum": True}])
def test_it_uploads_a_file(client: TusClient, stream: io.BytesIO, options: dict[str, Any]) -> None:
    uploader = client.uploader(file_stream=stream, metadata={"filename": "Jürgen.mp4"}, **options)
    uploader.upload()
    assert (uploader.offset, held()) == (FILE.size, FILE.sha256())
    assert services.metadata_of(Upload.objects.get()) == "filename SsO8cmdlbi5tcDQ="


def test_it_goes_on_where_an_earlier_program_stopped(client: TusClient, stream: io.BytesIO) -> None:
    first = client.uploader(file_stream=stream, chunk_size=MB)
    first.upload(stop_at=2 * MB)
    second = client.uploader(file_stream=stream, url=first.url, chunk_size=MB)
    assert second.offset == 2 * MB
    second.upload()
    assert held() == FILE.sha256()


def test_it_finds_its_way_after_a_wrong_offset(client: TusClient, stream: io.BytesIO) -> None:
    uploader = client.uploader(file_stream=stream, chunk_size=MB, retries=1, retry_delay=0)
    uploader.upload_chunk()
    uploader.offset = 0
    uploader.upload()
    assert (held(), UploadPart.objects.count()) == (FILE.sha256(), 6)


def test_it_is_told_what_it_may_not(client: TusClient, stream: io.BytesIO, cast: Cast) -> None:
    uploader = client.uploader(file_stream=stream, chunk_size=MB)
    uploader.upload_chunk()
    other = keys.create(owner=cast.carl, name="other", actor=cast.ada).secret
    client.set_headers({"X-API-Key": other})
    with pytest.raises(TusUploadFailed) as refused:
        uploader.upload_chunk()
    assert refused.value.status_code == 404
    client.set_headers({"X-API-Key": "hl_nobody"})
    with pytest.raises(TusCommunicationError) as unknown:
        client.uploader(file_stream=stream).create_url()
    assert unknown.value.status_code == 401
