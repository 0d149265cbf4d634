"""A report leaves as a file, and holds elsewhere by the public key alone."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from heirloom.trust import services, signing

pytestmark = pytest.mark.django_db


def said(*words: str) -> str:
    out = StringIO()
    call_command("trust", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trust.json"
    said("export", str(path), "--release", "1.4")
    return path


def test_it_names_its_release_and_holds(file: Path) -> None:
    assert json.loads(file.read_text())["report"]["release"] == "1.4"
    assert "The report holds" in said("verify", str(file))


def test_whoever_has_the_public_key_proves_it_without_the_ring(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public = said("key").split()[1]

    def no_ring() -> None:
        raise AssertionError("the key ring was asked for")

    monkeypatch.setattr(signing, "ring", no_ring)
    assert "The report holds" in said("verify", str(file), "--key", public)


def test_a_number_that_was_changed_is_found_out(file: Path) -> None:
    parts = json.loads(file.read_text())
    parts["report"]["enrolled"]["people"] += 1
    file.write_text(json.dumps(parts))
    with pytest.raises(CommandError, match="changed after it was signed"):
        said("verify", str(file))


def test_a_report_signed_by_somebody_else_is_not_taken(file: Path) -> None:
    with pytest.raises(CommandError, match="not the given one"):
        said("verify", str(file), "--key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")


def test_what_is_no_report_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"report": 1}')
    with pytest.raises(CommandError, match="holds no trust report"):
        said("verify", str(path))


def test_no_file_is_written_over(file: Path) -> None:
    with pytest.raises(CommandError, match="File exists"):
        said("export", str(file))


def test_before_the_first_report_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No report was made yet"):
        said("export", str(tmp_path / "trust.json"))


def test_the_row_is_what_was_signed() -> None:
    report = services.make()
    signature = signing.Signature(report.key_id, report.public_key, report.signature)
    assert signing.is_signed(report.body, signature)
    assert not signing.is_signed(report.body + " ", signature)
