"""A client of the protocol over Django's test client, and looks into the storage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.uploads import services
from heirloom.uploads.models import Upload
from tests.api.conftest import CONSENT, cast, cleo, hana, work
from tests.portraits import Portrait

__all__ = ["cast", "cleo", "hana", "work"]
URL = "/api/v1/uploads/"
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"


class Sender:
    """A program that speaks tus to us, one request at a time. Headers that are None are left out."""

    def __init__(self, client: APIClient) -> None:
        self.client = client

    def ask(self, method: str, path: str, body: bytes = b"", *, content_type: str = "", **headers: Any) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: str(value) for name, value in {**TUS, **named}.items() if value is not None}
        if not body and not content_type:
            return self.client.generic(method, path, headers=given)
        return self.client.generic(method, path, body, content_type=content_type or OCTETS, headers=given)

    def begin(self, size: int, **headers: Any) -> str:
        answer = self.ask("POST", URL, Upload_Length=size, **headers)
        assert answer.status_code == 201, answer.content
        return str(answer["Location"])

    def send(self, path: str, body: bytes, at: int, **headers: Any) -> Any:
        return self.ask("PATCH", path, body, content_type=OCTETS, Upload_Offset=at, **headers)

    def offset(self, path: str) -> int:
        return int(self.ask("HEAD", path)["Upload-Offset"])

    def sent(self, body: bytes) -> str:
        """Return the id of an upload that holds all of this."""
        path = self.begin(len(body))
        assert self.send(path, body, 0).status_code == 204
        return path.removeprefix(URL).strip("/")


@pytest.fixture
def tus(cleo: APIClient) -> Sender:
    return Sender(cleo)


@pytest.fixture
def storage(settings: Settings, tmp_path: Path) -> Callable[[], list[Path]]:
    """A storage for one test alone; called, it tells the files in it."""
    folder = tmp_path / "stored"
    here = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "default": here}
    assert default_storage is not None
    return lambda: sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Callable[..., Any]) -> Callable[..., Any]:
    """Have what waits for a commit done, in tests whose transaction never commits."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def person(hana: APIClient) -> str:
    made = hana.post("/api/v1/people/", {"full_name": "Grace Hopper", "employee_id": "E-7"}, format="json").json()["id"]
    hana.post(f"/api/v1/people/{made}/consents/", CONSENT, format="json")
    return str(made)


@pytest.fixture
def photo(portraits: dict[str, Portrait]) -> bytes:
    return portraits["hopper"].jpeg


def content(path: str) -> bytes:
    """Return what an upload holds."""
    upload = Upload.objects.get(pk=path.removeprefix(URL).strip("/"))
    return b"".join(services.read(upload))


def codes(answer: Any) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]


def attrs(answer: Any) -> list[str]:
    return [error["attr"] for error in answer.json()["errors"]]
