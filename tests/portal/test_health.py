"""/livez, /readyz: asked by address, as a health check and a load balancer ask."""

import pytest
from django.test import Client
from pytest_django import Settings

BY_NUMBER = "127.0.0.1:8000"


@pytest.fixture
def deployed(settings: Settings) -> None:
    """Settings as behind a proxy: one host name, HTTPS alone."""
    settings.ALLOWED_HOSTS = ["heirloom.example.org"]
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.usefixtures("deployed", "db")
@pytest.mark.parametrize("probe", ["/livez", "/readyz"])
def test_a_probe_needs_no_host_name_and_no_tls(probe: str) -> None:
    answer = Client(HTTP_HOST=BY_NUMBER).get(probe)
    assert answer.json()["status"] in {"ok", "not_ready"}
    assert (answer.status_code == 200) == (answer.json()["status"] == "ok")


@pytest.mark.usefixtures("deployed", "db")
def test_every_other_page_still_does() -> None:
    assert Client(HTTP_HOST=BY_NUMBER).get("/sign-in/").status_code == 400
