"""/metrics: for Prometheus and auditors."""

import pytest
from django.test import Client
from pytest_django import Settings

from heirloom.accounts.services import create_login
from tests.cast import PASSWORD, Cast, caller

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def deployed(settings: Settings) -> None:
    settings.EMBEDDED = False
    settings.METRICS_TOKEN = ""


def asked(token: str = "") -> int:
    return int(Client(headers={"Authorization": f"Bearer {token}"} if token else None).get("/metrics").status_code)


def test_without_a_token_of_its_own_there_is_nothing_to_see() -> None:
    assert (asked(), asked("x")) == (404, 404)


def test_prometheus_shows_its_token(settings: Settings) -> None:
    settings.METRICS_TOKEN = "only for prometheus"
    assert (asked(), asked("wrong"), asked("wröng"), asked("only for prometheus")) == (401, 401, 401, 200)


def test_an_auditor_reads_them_and_a_client_app_does_not(cast: Cast) -> None:
    auditor = create_login(username="audrey", password=PASSWORD, roles=("auditor",))
    assert caller(auditor).get("/metrics").status_code == 200
    assert caller(cast.cleo).get("/metrics").status_code == 404


def test_on_ones_own_machine_they_are_open(settings: Settings) -> None:
    settings.EMBEDDED = True
    assert asked() == 200
