"""`make dev`: what a change of code starts again."""

import time
from pathlib import Path

import pytest

from heirloom.embedded.reload import Changes, concerned


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("verification/services/verifications.py", {"web", "worker", "beat"}),
        ("templates/portal/people.html", {"web", "worker", "beat"}),
        ("heirloom/vision/quality.py", {"web", "worker", "beat", "vision"}),
        ("heirloom/media/image.py", {"web", "worker", "beat", "vision"}),
    ],
)
def test_a_change_concerns_what_runs_that_code(path: str, names: set[str]) -> None:
    assert concerned([path]) == names


def test_a_changed_file_is_noticed_once(tmp_path: Path) -> None:
    (tmp_path / "heirloom").mkdir()
    changes = Changes(tmp_path)
    deadline, names = time.monotonic() + 20, set[str]()
    while not names and time.monotonic() < deadline:
        (tmp_path / "heirloom" / "urls.py").write_text(f"# {time.monotonic()}")
        time.sleep(0.3)
        names = changes.take()
    changes.close()
    assert names == {"web", "worker", "beat"}
