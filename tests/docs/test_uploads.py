"""What docs/api/uploads.md shows is run as it stands, against a live server."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from heirloom.api import keys
from heirloom.uploads import services
from heirloom.uploads.models import Upload
from tests.cast import make_cast
from tests.environment import ROOT
from tests.processes import Processes

PAGE = (ROOT / "docs" / "api" / "uploads.md").read_text()
CLIP = bytes(range(256)) * 1000
pytestmark = pytest.mark.django_db(transaction=True)


def snippet(language: str, holding: str) -> str:
    (code,) = (code for code in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if holding in code)
    return str(code)


@pytest.fixture(scope="module")
def server(processes: Processes, django_db_setup: None) -> Iterator[str]:
    yield processes.web()
    processes.stop("web")


@pytest.fixture
def key() -> str:
    cast = make_cast()
    return keys.create(owner=cast.cleo, name="kiosk", actor=cast.ada).secret


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clip.mp4").write_bytes(CLIP)
    monkeypatch.chdir(tmp_path)


# The client leaves the file to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_client_uploads(server: str, key: str) -> None:
    room = {"HEIRLOOM": server, "KEY": key}
    exec(snippet("python", "TusClient"), room)
    assert b"".join(services.read(Upload.objects.get(pk=room["upload_id"]))) == CLIP


def test_curl_uploads_and_goes_on(server: str, key: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    code = snippet("sh", "Upload-Length")
    # As if an earlier run had been cut off: from nowhere it is refused, asks, and goes on.
    code = code.replace("OFFSET=0", "OFFSET=7")
    variables = {"HEIRLOOM": server, "KEY": key, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", code], env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"".join(services.read(Upload.objects.get())) == CLIP
