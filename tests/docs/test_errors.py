"""docs/errors.md says what the code says."""

import pytest
from django.core.management import call_command


def test_the_page_of_error_codes_is_current() -> None:
    call_command("errors", check=True)


def test_every_code_has_a_row_with_its_status_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    from heirloom.errors import CODES

    call_command("errors")
    rows = capsys.readouterr().out
    for name, code in CODES.items():
        assert f"| `{name}` | {code.status} | {code.text} | {code.remedy} |" in rows
        assert "|" not in code.text + code.remedy
