"""docs/imports.md says what the code says."""

import csv
import re
from pathlib import Path

from enrollment.services.imports import archives, tables
from heirloom.errors import CODES

PAGE = (Path(__file__).parents[2] / "docs" / "imports.md").read_text()


def test_its_table_is_the_template() -> None:
    shown = re.search(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    ours = tables.template().decode("utf-8-sig").splitlines()
    assert list(csv.reader(shown[1].splitlines())) == list(csv.reader(ours))


def test_every_column_is_explained() -> None:
    for column in tables.COLUMNS:
        assert re.search(rf"^\| .*`{column}`.* \|", PAGE, re.MULTILINE), column


def test_every_code_it_names_is_one() -> None:
    for code in re.findall(r"`((?:table|archive|photo|line|employee)_[a-z_]+)`", PAGE):
        assert code in CODES or code in tables.COLUMNS, code


def test_its_limits_are_those_of_the_code() -> None:
    for figure in (f"{tables.MOST_LINES:,} lines", f"{archives.MOST_ENTRIES:,} files"):
        assert figure in PAGE
    for figure in (
        f"{tables.MOST_TABLE_BYTES // 2**20} MB",
        f"{archives.MOST_UNPACKED_BYTES // 2**30} GB",
        f"{archives.MOST_RATIO} times",
    ):
        assert figure in PAGE
