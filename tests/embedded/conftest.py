import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def var_folder() -> Iterator[Path]:
    """A data folder of its own; not pytest's, whose parent any other pytest run closes to PostgreSQL's user again."""
    with tempfile.TemporaryDirectory(prefix="heirloom-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def module_var_folder() -> Iterator[Path]:
    """The same, for all tests of one file."""
    with tempfile.TemporaryDirectory(prefix="heirloom-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
