"""Guessing of passwords meets a limit, whatever is varied: address, name, spelling. Nobody else is locked out."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.accounts import gate
from heirloom.accounts.marks import network
from heirloom.accounts.models import KnownPlace, TryCount
from heirloom.audit.models import Action, AuditEvent
from tests.api.conftest import codes
from tests.cast import PASSWORD, Cast, make_cast

pytestmark = pytest.mark.django_db
TOKEN = "/api/v1/auth/token/"


@pytest.fixture(autouse=True)
def as_shipped(settings: Settings) -> None:
    settings.SIGN_IN_PER_ADDRESS, settings.SIGN_IN_PER_NAME = 30, 50


def portal(name: str, password: str = "wrong", address: str = "192.0.2.1", client: Client | None = None) -> Any:
    given = {"username": name, "password": password}
    return (client or Client()).post("/sign-in/", given, REMOTE_ADDR=address)


def api(name: str, password: str = "wrong", address: str = "192.0.2.1") -> Any:
    return APIClient().post(TOKEN, {"username": name, "password": password}, format="json", REMOTE_ADDR=address)


@pytest.mark.parametrize("door", [portal, api])
def test_names_sprayed_from_one_address_meet_429(cast: Cast, door: Any) -> None:
    answers = [door(f"name-{number}") for number in range(60)]
    assert [answer.status_code for answer in answers].count(429) == 30
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 900
    assert {door(f"name-{number}", address="192.0.2.2").status_code for number in range(3)} <= {200, 401}


def test_both_doors_count_together(cast: Cast) -> None:
    for number in range(15):
        portal(f"name-{number}")
        api(f"other-{number}")
    assert codes(api("one-more")) == ["too_many_tries"]
    assert portal("one-more").status_code == 429


def test_a_refused_try_hashes_nothing_writes_nothing_and_waits_for_no_lock(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        api(f"name-{number}")
    events = AuditEvent.objects.count()
    with (
        patch.object(MD5PasswordHasher, "encode", side_effect=AssertionError("a password was hashed")),
        django_assert_max_num_queries(3) as asked,
    ):
        assert api("hana", PASSWORD).status_code == 429
    said = [query["sql"] for query in asked.captured_queries]
    assert all(sql.startswith("SELECT") and "FOR UPDATE" not in sql for sql in said)
    assert AuditEvent.objects.count() == events


def test_the_closing_of_a_limit_is_audited_once(cast: Cast) -> None:
    for number in range(40):
        api(f"name-{number}")
    event = AuditEvent.objects.get(action=Action.SIGN_IN_LIMITED)
    assert event.details == {"door": "api", "by": "address"}


def test_right_passwords_are_not_counted(cast: Cast, settings: Settings) -> None:
    settings.SIGN_IN_PER_ADDRESS = 3
    assert {api("hana", PASSWORD).status_code for _ in range(6)} == {200}


def test_slow_guesses_at_one_name_from_many_addresses_meet_429(cast: Cast) -> None:
    met = [api("hana", address=f"198.51.100.{number}").status_code for number in range(60)]
    assert met.count(429) == 10


@pytest.mark.parametrize("spelled", ["hana ", " hana", "\uff48\uff41\uff4e\uff41"])
def test_another_spelling_of_a_name_is_the_same_name(cast: Cast, settings: Settings, spelled: str) -> None:
    settings.SIGN_IN_PER_NAME = 2
    for number in range(2):
        portal("hana", address=f"198.51.100.{number}")
    assert portal(spelled, address="198.51.100.9").status_code == 429


def test_a_stranger_elsewhere_locks_nobody_out(cast: Cast) -> None:
    browser = Client()
    assert portal("hana", PASSWORD, "192.0.2.1", browser).status_code == 302
    assert api("cleo", PASSWORD, "192.0.2.1").status_code == 200
    for number in range(60):
        api("hana", address=f"198.51.100.{number}")
        api("cleo", address=f"203.0.113.{number}")
    browser.post("/sign-out/")
    assert portal("hana", PASSWORD, "192.0.2.77", browser).status_code == 302  # her browser, on the road
    assert api("cleo", PASSWORD, "192.0.2.1").status_code == 200  # where the app has always signed in from
    assert api("hana", PASSWORD, "192.0.2.88").status_code == 429  # what is not known waits


def test_a_stranger_behind_the_same_address_does_not_lock_a_known_browser(cast: Cast) -> None:
    browser = Client()
    portal("hana", PASSWORD, client=browser)
    for _ in range(12):
        portal("hana")
    for number in range(40):
        portal(f"name-{number}")
    browser.post("/sign-out/")
    assert portal("rhea", PASSWORD).status_code == 429
    assert portal("hana", PASSWORD, client=browser).status_code == 302


def test_a_known_browser_has_ten_tries_of_its_own(cast: Cast) -> None:
    browser = Client()
    portal("hana", PASSWORD, client=browser)
    browser.post("/sign-out/")
    for _ in range(20):
        portal("hana", client=browser)
    assert portal("hana", PASSWORD, client=browser).status_code == 429


def test_a_made_up_device_cookie_is_no_device(cast: Cast, settings: Settings) -> None:
    browser = Client()
    browser.cookies[settings.DEVICE_COOKIE_NAME] = "eyJhIjoiYiJ9:1abcde:forged"
    for _ in range(10):
        portal("hana", client=browser)
    assert portal("hana", PASSWORD, client=browser).status_code == 429


def test_going_on_at_a_lock_does_not_keep_it_closed(cast: Cast) -> None:
    for _ in range(10):
        portal("hana")
    from axes.models import AccessAttempt

    closed = AccessAttempt.objects.get()
    for _ in range(5):
        portal("hana")
    again = AccessAttempt.objects.get()
    assert (again.failures_since_start, again.attempt_time) == (10, closed.attempt_time)


def test_neither_names_nor_addresses_stand_in_the_counts(cast: Cast) -> None:
    portal("a-name-that-was-typed", address="192.0.2.123")
    api("hana", PASSWORD)
    kept = f"{list(TryCount.objects.values())} {list(KnownPlace.objects.values())}"
    assert "typed" not in kept
    assert "192.0.2" not in kept


def test_an_ipv6_customer_is_one_address(cast: Cast) -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1")


def test_counts_are_forgotten_after_their_window(cast: Cast) -> None:
    portal("hana")
    assert gate.sweep() == 0
    TryCount.objects.update(until=timezone.now() - gate.KEPT - gate.QUARTER)
    assert gate.sweep() == 2


def test_refused_tokens_of_one_address_meet_429(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from heirloom.api.throttles import RefusedTokenThrottle

    monkeypatch.setattr(RefusedTokenThrottle, "rate", "3/min", raising=False)
    good = api("cleo", PASSWORD).json()["access"]

    def read(token: str) -> int:
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}", REMOTE_ADDR="192.0.2.55")
        return int(client.get("/api/v1/verifications/").status_code)

    assert [read("a.b.c") for _ in range(5)] == [401, 401, 401, 429, 429]
    assert read(good) == 200


@pytest.mark.django_db(transaction=True)
def test_of_tries_at_once_no_more_are_let_in_than_one_after_another(settings: Settings) -> None:
    make_cast()
    settings.SIGN_IN_PER_ADDRESS = 5

    def guess(number: int) -> int:
        try:
            return int(api(f"name-{number}").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        met = list(threads.map(guess, range(24)))
    assert met.count(401) == 5


@pytest.mark.django_db(transaction=True)
def test_refused_tries_pass_while_the_audit_log_is_held() -> None:
    """Whoever appends holds the log until its transaction ends: here somebody else does, and goes on doing so."""
    from django.db import transaction

    from heirloom.audit import services as audit

    cast = make_cast()
    for number in range(30):
        api(f"name-{number}")
    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        audit.record(action=Action.SIGN_IN_ENDED, subject_kind="login", subject_id=gate_subject(cast))
        began = time.monotonic()
        refused = thread.submit(lambda: (api("hana").status_code, connection.close())[0]).result(timeout=20)
        assert refused == 429
        assert time.monotonic() - began < 20


def gate_subject(cast: Cast) -> Any:
    from uuid import UUID

    return UUID(int=cast.hana.pk)
