"""What is asked for costs points, of which every caller has so many in a minute."""

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from heirloom.api import keys
from heirloom.api.costs import POINTS
from heirloom.api.throttles import CostThrottle
from tests.api.conftest import CONSENT, codes
from tests.cast import Cast, caller, key_caller

READ, COMPARE, DETECT = "/api/v1/verifications/", "/api/v1/compare/", "/api/v1/detect/"
PAGE = Path(__file__).parents[2] / "docs" / "api" / "authentication.md"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock of the throttle shows; a test moves it."""
    cache.clear()
    clock = [1_000_000 * 60.0]
    monkeypatch.setattr(CostThrottle, "timer", lambda _: clock[0])
    return clock


@pytest.fixture
def rate(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda value: monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "cost", value)


def left(answer: Any) -> int:
    return int(answer["RateLimit"].split("r=")[1].split(";")[0])


def test_computing_costs_more_than_reading(cleo: APIClient, rate: Any) -> None:
    rate("100/min")
    assert left(cleo.get(READ)) == 99
    assert left(cleo.post(DETECT, {}, format="json")) == 89
    assert left(cleo.post(COMPARE, {}, format="json")) == 69
    answer = cleo.post(READ, {}, format="json")
    assert (answer.status_code, left(answer)) == (400, 49)
    assert answer["RateLimit-Policy"] == '"cost";q=100;w=60'


def test_beyond_its_points_a_caller_waits_and_is_told_how_long(cleo: APIClient, rate: Any, now: list[float]) -> None:
    rate("45/min")
    assert [cleo.post(COMPARE, {}, format="json").status_code for _ in range(3)] == [400, 400, 429]
    refused = cleo.post(COMPARE, {}, format="json")
    assert (codes(refused), left(refused)) == (["throttled"], 5)
    wait = int(refused["Retry-After"])
    assert 60 < wait <= 120
    # What costs less is still paid for.
    assert cleo.get(READ).status_code == 200
    now[0] += wait - 5
    assert cleo.post(COMPARE, {}, format="json").status_code == 429
    now[0] += 10
    assert cleo.post(COMPARE, {}, format="json").status_code == 400


def test_within_a_window_what_was_spent_before_fades(cleo: APIClient, rate: Any, now: list[float]) -> None:
    rate("40/min")
    assert [cleo.post(COMPARE, {}, format="json").status_code for _ in range(2)] == [400, 400]
    now[0] += 60 + 6
    refused = cleo.post(COMPARE, {}, format="json")
    assert (refused.status_code, int(refused["Retry-After"])) == (429, 24)
    now[0] += 25
    assert cleo.post(COMPARE, {}, format="json").status_code == 400


def test_a_refused_request_costs_nothing(cleo: APIClient, rate: Any) -> None:
    rate("21/min")
    assert cleo.post(COMPARE, {}, format="json").status_code == 400
    assert {cleo.post(COMPARE, {}, format="json").status_code for _ in range(5)} == {429}
    assert cleo.get(READ).status_code == 200
    assert cleo.get(READ).status_code == 429


def test_what_costs_more_than_there_is_is_let_in_once(cleo: APIClient, rate: Any) -> None:
    rate("5/min")
    assert [cleo.post(COMPARE, {}, format="json").status_code for _ in range(2)] == [400, 429]


def test_every_key_and_every_login_has_points_of_its_own(cast: Cast, rate: Any) -> None:
    rate("2/min")
    secrets = [keys.create(owner=cast.cleo, name="x", actor=cast.cleo).secret for _ in range(2)]
    clients = [*(key_caller(secret) for secret in secrets), caller(cast.cleo), caller(cast.carl)]
    assert [[client.get(READ).status_code for _ in range(3)] for client in clients] == [[200, 200, 429]] * 4


def test_the_keys_of_an_app_have_no_more_together_than_their_owner(
    cast: Cast, rate: Any, monkeypatch: pytest.MonkeyPatch, now: list[float]
) -> None:
    """Fifty keys are not fifty callers."""
    rates = {"owner": "100/min", "owner-cost": "30/min"}
    for scope, value in rates.items():
        monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, value)
    clients = [key_caller(keys.create(owner=cast.cleo, name="x", actor=cast.cleo).secret) for _ in range(5)]
    answers = [client.get(READ) for client in clients for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429] * 10
    assert int(answers[-1]["Retry-After"]) >= 1
    # Others, and the login itself, ask on; and a refused request costs nothing.
    assert caller(cast.cleo).get(READ).status_code == 200
    assert key_caller(keys.create(owner=cast.carl, name="x", actor=cast.carl).secret).get(READ).status_code == 200
    now[0] += 120
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "owner", "3/min")
    assert [client.get(READ).status_code for client in clients] == [200] * 3 + [429] * 2


def test_each_further_photo_is_charged_once_it_is_known(hana: APIClient, rate: Any) -> None:
    rate("100/min")
    body = {"full_name": "Ada", "employee_id": "E-1", "images": ["AAAA"] * 3, "consent": CONSENT}
    answer = hana.post("/api/v1/register-multiple/", body, format="json")
    assert (answer.status_code, left(answer)) == (415, 70)


def test_a_full_cache_that_forgets_a_count_lets_in(cleo: APIClient, rate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rate("50/min")
    monkeypatch.setattr(cache, "add", lambda *_, **__: True)
    assert left(cleo.get(READ)) == 49


def test_sign_ins_are_counted_apart_and_tell_nothing(cast: Cast, settings: Settings) -> None:
    answer = APIClient().post("/api/v1/auth/token/", {"username": "x", "password": "y"}, format="json")
    assert "RateLimit" not in answer


def test_the_page_names_every_price() -> None:
    page = PAGE.read_text()
    for name, points in POINTS.items():
        assert f"| {name} | {points} |" in page
