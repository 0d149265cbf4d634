"""What the tables of packs say is what the packaged policies and the measured costs say."""

import re
from pathlib import Path

import pytest

from heirloom.decision.recommended import accuracy_of
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.packs.costs import relative

ROOT = Path(__file__).parents[2]
PAGES = {"docs/models/README.md": "{fnmr:.1%}, {held:.1%} |", "README.md": "{held:.1%} ({fnmr:.1%}) |"}


def rows(page: str) -> dict[str, str]:
    """The rows of the first table whose first cell names a pack, by that name."""
    named = re.compile(r"^\| \[?`([^`<]+)`")
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    found: dict[str, str] = {}
    for line in lines:
        if match := named.match(line):
            found.setdefault(match[1], line)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_a_table_says_what_was_measured(page: str, tmp_path: Path) -> None:
    models = {pack.name: pack.model for pack in VisionEngine(VisionConfig(tmp_path)).status().packs}
    checked = 0
    for name, row in rows(page).items():
        found = accuracy_of(models[name], None) if name in models else None
        if found is None or found.held is None:
            continue
        assert PAGES[page].format(fnmr=found.fnmr, held=found.held) in row, name
        assert f"{relative(name):g}" in row, name
        checked += 1
    assert checked
