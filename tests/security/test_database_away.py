import pytest
from django.db import OperationalError

from heirloom.api.errors import handle


def test_a_database_that_is_away_is_503_and_says_when_to_come_back(caplog: pytest.LogCaptureFixture) -> None:
    answer = handle(OperationalError("connection to server at 10.0.0.7 failed"), {})
    assert answer is not None
    assert (answer.status_code, answer.data["errors"][0]["code"]) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "10.0.0.7" not in str(answer.data)
    assert "the database did not answer" in caplog.text
