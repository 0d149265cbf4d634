"""The pack to use is the one that misses the fewest where its worst group is safe, among those that may be used."""

from dataclasses import replace
from pathlib import Path

import pytest

from heirloom.decision.policy_files import dump, file_name
from heirloom.decision.recommended import accuracy, recommended
from heirloom.vision.types import PackInfo
from tests.decision import made


def pack(name: str) -> PackInfo:
    return PackInfo(
        name, "seer", "knower", f"model-of-{name}", 128, "detector", installed=True, licence="", acknowledged=True
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Policies of three packs: one dear, one cheap, and one whose groups nobody measured."""
    for name, policy in {
        "dear": made.costing("model-of-dear", 0.4),
        "cheap": made.costing("model-of-cheap", 0.05),
        "pooled": replace(made.policy(), name="p", model="model-of-pooled"),
    }.items():
        (tmp_path / file_name(f"model-of-{name}")).write_text(dump(policy))
    return tmp_path


def chosen(folder: Path, *packs: PackInfo) -> str:
    best = recommended(packs, folder)
    return best[0].name if best else ""


def test_the_one_that_misses_fewest_is_recommended(folder: Path) -> None:
    assert chosen(folder, pack("dear"), pack("cheap"), pack("pooled"), pack("unmeasured")) == "cheap"


def test_what_is_not_here_or_not_acknowledged_is_not(folder: Path) -> None:
    assert chosen(folder, pack("dear"), replace(pack("cheap"), installed=False)) == "dear"
    assert chosen(folder, pack("dear"), replace(pack("cheap"), acknowledged=False)) == "dear"


def test_whose_groups_were_never_measured_is_not(folder: Path) -> None:
    assert chosen(folder, pack("pooled"), pack("unmeasured")) == ""


def test_it_says_what_is_missed_pooled_and_held_to_whom() -> None:
    held, pooled = accuracy(made.costing("m", 0.05)), accuracy(made.policy())
    assert str(held) == "misses 10.0% of single photos at FMR 0.0001, 5.0% held to its worst group (made up: harder)"
    assert str(pooled) == "misses 10.0% of single photos at FMR 0.0001; not measured within groups"
