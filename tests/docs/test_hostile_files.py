"""docs/hostile-files.md says what the hostile files are."""

from pathlib import Path

from tests.media.hostile.__main__ import table
from tests.media.hostile.made import Bait

PAGE = Path(__file__).parents[2] / "docs" / "hostile-files.md"


def test_the_table_of_hostile_files_is_current(tmp_path: Path) -> None:
    canary = tmp_path / "canary.jpg"
    canary.write_bytes(b"nobody may read this")

    rows = table(Bait(canary, ("127.0.0.1:9",)))

    assert PAGE.read_text(encoding="utf-8").endswith("\n".join(rows) + "\n")
