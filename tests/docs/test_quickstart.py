"""The blocks of docs/api/quickstart.md are run as they stand, against a real server with a real worker."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from heirloom.accounts.models import User
from heirloom.accounts.services import ensure_roles
from tests.environment import ROOT
from tests.processes import Processes
from verification.models import Verification

PAGE = (ROOT / "docs" / "api" / "quickstart.md").read_text()
SAID = ["enrolled", "needs_review pending attack_check_inconclusive", "Grace Hopper"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.usefixtures("worker"),
]


def fenced() -> Iterator[tuple[str, str]]:
    """Give what stands after the opening fence of each block, and its text."""
    parts = re.split(r"^```(.*)\n", PAGE, flags=re.MULTILINE)
    yield from zip(parts[1::4], parts[2::4], strict=True)


def blocks(language: str) -> str:
    return "\n".join(text for name, text in fenced() if name == language)


def run(script: str, *program: str, live: str, folder: Path) -> list[str]:
    """Run one script as a reader would, in a folder that looks like the repository's; return what it prints."""
    environment = {**os.environ, "HEIRLOOM": live, "PYTHONPATH": str(ROOT / "clients" / "python")}
    done = subprocess.run(
        [*program], input=script, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def ready(live: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the page's preparations were made."""
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    ensure_roles()
    run(f"set -e\n{blocks('sh before')}", "bash", live=live, folder=tmp_path)
    monkeypatch.setenv("HEIRLOOM_LOGIN_PASSWORD", re.findall(r"HEIRLOOM_LOGIN_PASSWORD='(.*)'", PAGE)[0])
    assert set(User.objects.values_list("username", flat=True)) == {"hana", "kiosk"}
    return tmp_path


def test_in_curl(ready: Path, live: str, worker: Processes) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    outcome, attempt, best = run(f"set -e\n{blocks('sh curl')}", "bash", live=live, folder=ready)
    assert outcome == "enrolled"
    assert '"outcome":"needs_review","decision":"pending","reasons":["attack_check_inconclusive"]' in attempt
    assert "'person_name': 'Grace Hopper', 'employee_id': 'E-1001'" in best


def test_in_python(ready: Path, live: str, worker: Processes) -> None:
    said = run(blocks("python"), sys.executable, "-", live=live, folder=ready)
    assert said == [*SAID, "415 unsupported_format face2_image_base64"]


def test_in_javascript(ready: Path, live: str, worker: Processes) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    said = run(blocks("js"), "node", "--input-type=module", "-", live=live, folder=ready)
    assert said == SAID
    assert Verification.objects.get().decision == "pending"


def test_what_the_page_says_is_printed_is_what_is_printed() -> None:
    printed = [text for name, text in fenced() if not name]
    assert printed[1].splitlines() == [*SAID, "415 unsupported_format face2_image_base64"]
    assert printed[2].splitlines() == SAID


def test_every_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if "://" not in link]
    assert [link for link in links if not (ROOT / "docs" / "api" / link).exists()] == []
