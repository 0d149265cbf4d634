"""Where a request comes from: behind our own proxy each caller counts alone, without one nobody names an address."""

from pathlib import Path

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.accounts import tried
from heirloom.api.throttles import RefreshThrottle, SignInThrottle
from tests.cast import PASSWORD, Cast

COMPOSE = Path(__file__).parents[2] / "compose.yaml"


def address(forwarded: str) -> str:
    return tried.address(RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR="10.0.0.1"))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [(0, "6.6.6.6", "10.0.0.1"), (1, "6.6.6.6, 192.0.2.7", "192.0.2.7"), (1, "no address", "10.0.0.1")],
)
def test_the_address_is_what_our_proxies_saw(settings: Settings, proxies: int, forwarded: str, counted: str) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    assert address(forwarded) == counted


def test_a_lock_closes_for_the_address_that_guessed_alone(settings: Settings, cast: Cast) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    tries = {"username": "hana", "password": "wrong"}
    for _ in range(10):
        Client().post("/sign-in/", tries, HTTP_X_FORWARDED_FOR="192.0.2.66")
    right = {"username": "hana", "password": PASSWORD}
    assert Client().post("/sign-in/", right, HTTP_X_FORWARDED_FOR="192.0.2.66").status_code == 429
    assert Client().post("/sign-in/", right, HTTP_X_FORWARDED_FOR="192.0.2.7").status_code == 302


def test_the_compose_file_counts_the_proxy_it_asks_for() -> None:
    assert 'BEHIND_PROXY: "true"\n    NUM_PROXIES: "1"' in COMPOSE.read_text()


def test_refreshing_does_not_use_up_sign_ins(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SignInThrottle, "rate", "1/min", raising=False)
    monkeypatch.setattr(RefreshThrottle, "rate", "2/min", raising=False)
    client = APIClient(REMOTE_ADDR="192.0.2.99")
    url, right = "/api/v1/auth/token/", {"username": "cleo", "password": PASSWORD}
    tokens = client.post(url, right, format="json").json()
    assert client.post(f"{url}refresh/", {"refresh": tokens["refresh"]}, format="json").status_code == 200
    assert client.post(url, right, format="json").status_code == 429
