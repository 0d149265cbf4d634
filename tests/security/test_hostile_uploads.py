"""Hostile files sent as a client app sends them: the documented code, no fault of ours, and nothing left behind."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings
from rest_framework.test import APIClient

from enrollment.models import Capture, Person
from heirloom.crypto import files
from heirloom.crypto.scratch import scratch_root
from heirloom.errors import CODES
from heirloom.jobs.models import Job, JobState
from tests.api.conftest import work
from tests.cast import make_cast
from tests.media.hostile.bases import still
from tests.media.hostile.corpus import KINDS
from tests.media.hostile.decoy import TOKEN, Decoy, laid
from tests.media.hostile.made import ACCEPTED, NOTED, Hostile, Kind
from tests.media.hostile.metadata import SECRET
from tests.processes import Processes
from tests.test_main_job import Caller
from verification.models import EvidenceFrame, Verification

__all__ = ["work"]
URL = "/api/v1/verifications/"
AT_THE_DOOR = {"empty_file", "unsupported_format", "too_many_bytes"}
FILES = 6
"""How many of a class are sent; tests/media/test_hostile_files.py reads them all."""
OF_THE_PICTURE = {"no_face", "several_faces", "low_quality", "face_too_small", "blurred", "too_dark", "too_bright"}
"""What is said of pictures that were read: nobody is in them."""


@pytest.fixture(scope="module")
def decoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decoy]:
    with laid(tmp_path_factory.mktemp("bait")) as laid_out:
        yield laid_out


@pytest.fixture
def storage(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A storage and a folder of temporary files for one test alone."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    here = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "stored")}}
    settings.STORAGES = {**settings.STORAGES, "default": here}
    return tmp_path / "stored"


def some(kind: Kind, decoy: Decoy) -> list[Hostile]:
    """Return up to FILES of a class, spread over it; of those that cost ten seconds each, one."""
    built = list(kind.build(decoy.bait))
    return built[:1] if kind.name == "endless" else built[:: -(-len(built) // FILES)]


def met(result: dict[str, Any]) -> str:
    """Return what a finished verification says of its file."""
    reasons = set(result["reasons"])
    if reasons & OF_THE_PICTURE:
        return NOTED if NOTED in reasons else ACCEPTED
    return str(result["reasons"][0])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_hostile_files_meet_their_code_through_the_api(
    kind: Kind, cleo: APIClient, work: Callable[[], None], vision_process: Path, decoy: Decoy, storage: Path
) -> None:
    surprises, links = {}, {}
    claim = {"person_id": str(Person.objects.create(full_name="Ada").id)}
    for hostile in some(kind, decoy):
        answer = cleo.post(URL, {**claim, "file": SimpleUploadedFile(hostile.name, hostile.data)}, format="multipart")
        if answer.status_code == 202:
            links[hostile] = answer.json()["links"]["self"]
            continue
        (error,) = answer.json()["errors"]
        if error["code"] not in AT_THE_DOOR.intersection(hostile.meets):
            surprises[hostile.name] = error["code"]
        assert answer.status_code == CODES[error["code"]].status
    work()
    for hostile, link in links.items():
        result = cleo.get(link).json()
        if met(result) not in hostile.meets:
            surprises[hostile.name] = result["reasons"]
    assert surprises == {}
    assert set(Job.objects.values_list("state", "attempts")) <= {(JobState.DONE, 1)}
    assert_only_sealed_files_are_left(storage, len(links))
    assert_evidence_is_bare()
    assert decoy.calls == []


def assert_only_sealed_files_are_left(storage: Path, captures: int) -> None:
    stored = [path for path in storage.rglob("*") if path.is_file()]
    assert Capture.objects.count() == captures
    assert len(stored) == captures + EvidenceFrame.objects.count()
    assert not any(list(Path(folder).iterdir()) for folder in (tempfile.gettempdir(), scratch_root()))
    sealed = b"".join(path.read_bytes() for path in stored)
    assert TOKEN not in sealed
    assert SECRET.encode() not in sealed


def assert_evidence_is_bare() -> None:
    for frame in EvidenceFrame.objects.select_related("verification__capture"):
        capture = frame.verification.capture
        assert capture is not None
        jpeg = files.read_bytes(subject=capture.subject, name=frame.storage_name, place=frame.file_place)
        assert not any(secret in jpeg for secret in (TOKEN, SECRET.encode(), b"Exif", b"xap/1.0", b"ICC_PROFILE"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("real_passwords")
def test_worker_and_server_live_through_one_of_each_class(live: str, worker: Processes, decoy: Decoy) -> None:
    make_cast()
    claim = {"person_id": str(Person.objects.create(full_name="Ada").id)}
    processes = {name: child.pid for name, child in worker.children.items()}
    with httpx.Client(base_url=f"{live}/api/v1", timeout=60) as http:
        cleo = Caller(http, "cleo")
        for kind in KINDS:
            hostile = some(kind, decoy)[-1]
            answer = http.post("/verifications/", data=claim, files={"file": (hostile.name, hostile.data)})
            assert answer.status_code < 500, (kind.name, hostile.name)
            if answer.status_code == 202:
                assert met(cleo.done(answer.json())) in hostile.meets, (kind.name, hostile.name)
        last = cleo.post("/verifications/", data=claim, files={"file": ("photo.jpg", still("jpg"))})
        assert cleo.done(last)["reasons"] == ["no_face"]
    assert {name: child.pid for name, child in worker.children.items() if child.running} == processes
    assert not Verification.objects.filter(reasons__overlap=["internal_error", "interrupted"]).exists()
    assert decoy.calls == []
