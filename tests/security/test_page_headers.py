"""What browsers and proxies may keep, load and use."""

import pytest
from django.test import Client
from pytest_django import Settings

from heirloom.portal.middleware import PUBLIC
from tests.cast import Cast, caller
from tests.house import House, build
from tests.portal.conftest import signed_in
from tests.security.test_permission_matrix import API_ROWS, PAGE_ROWS, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(settings: Settings) -> House:
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    return build()


def test_no_answer_that_is_somebodys_is_kept_by_anybody(house: House) -> None:
    kept = []
    for rows, callers in ((API_ROWS, house.callers), (PAGE_ROWS, house.sessions)):
        for method, door, _ in rows:
            if door.startswith(PUBLIC):
                continue
            for who in ("nobody", "admin"):
                answer = ask(callers[who], method, house.address(door, who))
                if "no-store" not in answer.headers.get("Cache-Control", ""):
                    kept.append(f"{method} {door} ({who})")
    assert kept == []


def test_an_error_is_not_kept_either() -> None:
    for address in ("/nowhere/", "/api/v1/nowhere/", "/people/%00/"):
        assert "no-store" in Client().get(address).headers["Cache-Control"]


def test_every_page_says_what_it_may_load(house: House) -> None:
    for method, door, _ in PAGE_ROWS:
        if door not in {"/livez", "/readyz", "/metrics"}:
            answer = ask(house.sessions["admin"], method, house.address(door, "admin"))
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy, door
            assert "script-src 'self' 'unsafe-inline'" not in policy, door
            assert ("unsafe" in policy) == door.startswith("/admin/"), door


def test_the_camera_is_for_the_portal_alone(cast: Cast) -> None:
    def features(address: str) -> str:
        return str(signed_in(cast.ada).get(address).headers["Permissions-Policy"])

    assert "camera=(self)" in features("/people/enroll/")
    assert "camera=()" in features("/admin/")
    assert "camera=()" in features("/api/v1/docs/")
    assert all("microphone=()" in features(address) for address in ("/", "/admin/"))


def test_an_export_takes_a_post(house: House) -> None:
    assert house.sessions["hr"].get(f"/people/{house.person.id}/export/").status_code == 405
    assert house.callers["hr"].get(f"/api/v1/people/{house.person.id}/export/").status_code == 405


def test_figures_are_told_to_named_hosts_alone(settings: Settings) -> None:
    settings.EMBEDDED = True

    def asked(host: str) -> int:
        return int(Client(HTTP_HOST=host).get("/metrics").status_code)

    assert [asked("127.0.0.1:8000"), asked("evil.example"), asked("a b"), asked("web:8000")] == [200, 400, 400, 400]
    settings.METRICS_HOSTS = ["web"]
    assert [asked("web:8000"), asked("evil.example")] == [200, 400]
    assert [Client(HTTP_HOST="10.0.0.9").get(probe).status_code for probe in ("/livez",)] == [200]


def test_an_auditor_at_another_name_is_not_answered(cast: Cast) -> None:
    assert caller(cast.ada).get("/metrics", headers={"host": "evil.example"}).status_code == 400
