"""deploy/advisories.py: what was not looked up is told, and never passes for good."""

import json
import subprocess
import sys

import pytest

from deploy import advisories
from deploy.advisories import Looked, read, told

CLEAN = {"name": "django", "version": "5.2.19", "vulns": []}
HOLED = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}
UNKNOWN = {"name": "dlib-bin", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def test_clean_packages_pass_and_are_counted() -> None:
    assert told(read([CLEAN]), {}, required=True) == (0, ["Known holes: none in 1 packages."])


def test_a_known_hole_is_a_fault_and_named() -> None:
    status, lines = told(read([CLEAN, HOLED]), {}, required=False)
    assert status == 1
    assert lines[0] == "KNOWN HOLE  pillow 1.0: PYSEC-1"


def test_a_hole_that_was_judged_is_none() -> None:
    assert told(read([HOLED]), {"PYSEC-1": "we call nothing of it"}, required=True)[0] == 0


@pytest.mark.parametrize("looked", [read([CLEAN, UNKNOWN]), read([]), Looked(unknown=("all",), why="refused")])
def test_what_was_not_looked_up_is_told_and_a_fault_where_it_is_required(looked: Looked) -> None:
    status, lines = told(looked, {}, required=False)
    assert status == 0
    assert lines[0].startswith("NOT CHECKED")
    assert told(looked, {}, required=True)[0] == 1


def test_an_address_that_answers_nothing_is_no_clean_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    looked = advisories.look()
    assert looked.unknown
    assert not looked.holes


def test_the_bill_of_materials_is_valid_and_names_packages_and_weights(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    file = tmp_path_factory.mktemp("bill") / "sbom.json"
    subprocess.run([sys.executable, "deploy/sbom.py", str(file)], cwd=advisories.ROOT, check=True, capture_output=True)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text()) is None
    components = {each["name"]: each for each in json.loads(file.read_text())["components"]}
    assert components["django"]["version"].startswith("5.2")
    assert components["yunet"]["hashes"][0]["content"].startswith("8f2383e4")
