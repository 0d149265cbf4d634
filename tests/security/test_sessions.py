"""Sessions end when they are left, when their owner says so, and with another password."""

import hashlib
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.accounts.breached import is_known
from heirloom.api.models import TokenFamily
from heirloom.audit.models import Action, AuditEvent
from heirloom.factors.models import UserSession
from tests.cast import PASSWORD, Cast, caller
from tests.portal.conftest import signed_in, text_of


@pytest.fixture
def browser(cast: Cast) -> Client:
    return by_password()


def by_password(agent: str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0") -> Client:
    client = Client(headers={"User-Agent": agent})
    assert client.post("/sign-in/", {"username": "hana", "password": PASSWORD}).status_code == 302
    client.get("/people/")
    return client


def aged(client: Client, **by: timedelta) -> Client:
    session = client.session
    for name, age in by.items():
        session[name] -= age.total_seconds()
    session.save()
    return client


@pytest.mark.django_db
def test_a_session_that_is_left_ends_and_leads_back_to_where_it_was(browser: Client) -> None:
    assert aged(browser, seen_at=timedelta(minutes=59)).get("/people/").status_code == 200
    answer = aged(browser, seen_at=timedelta(minutes=61)).get("/people/?q=grace")
    assert answer.headers["Location"] == "/sign-in/?next=/people/%3Fq%3Dgrace&ended=1"
    assert "Your session ended" in text_of(browser.get(answer.headers["Location"]))
    assert browser.get("/people/").status_code == 302


@pytest.mark.django_db
def test_no_session_lasts_longer_than_a_working_day_however_busy(browser: Client) -> None:
    assert aged(browser, began_at=timedelta(hours=8, minutes=1)).get("/people/").status_code == 302


@pytest.mark.django_db
def test_what_a_page_asks_by_itself_is_no_use_of_it(browser: Client) -> None:
    before = aged(browser, seen_at=timedelta(minutes=30)).session["seen_at"]
    browser.get("/people/", headers={"HX-Request": "true"})
    assert browser.session["seen_at"] == before
    answer = aged(browser, seen_at=timedelta(minutes=31)).get("/people/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


@pytest.mark.django_db
def test_ones_own_sessions_and_tokens_are_seen_and_ended(browser: Client, cast: Cast) -> None:
    other = by_password("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Safari/605")
    program = caller(cast.hana)
    page = text_of(browser.get("/security/"))
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "A program, by token" in page
    held = UserSession.objects.get(browser="Safari on iPhone")
    browser.post(f"/security/sessions/{held.id}/end/")
    assert other.get("/people/").status_code == 302
    browser.post(f"/security/tokens/{TokenFamily.objects.get().id}/end/")
    assert program.get("/api/v1/people/").status_code == 401
    assert browser.get("/people/").status_code == 200
    assert AuditEvent.objects.filter(action=Action.SESSION_ENDED).count() == 1


@pytest.mark.django_db
def test_all_others_end_at_once(browser: Client, cast: Cast) -> None:
    others, program = [by_password(), by_password()], caller(cast.hana)
    browser.post("/security/end-others/")
    assert [one.get("/people/").status_code for one in (browser, *others)] == [200, 302, 302]
    assert program.get("/api/v1/people/").status_code == 401


@pytest.mark.django_db
def test_nobody_ends_somebody_elses(browser: Client, cast: Cast) -> None:
    held = UserSession.objects.get()
    assert signed_in(cast.ada).post(f"/security/sessions/{held.id}/end/").status_code == 404
    assert browser.get("/people/").status_code == 200


@pytest.mark.django_db
def test_another_password_ends_all_other_sessions_and_tokens(browser: Client, cast: Cast) -> None:
    other, program, key = by_password(), caller(cast.hana), browser.session.session_key
    new = "an even longer passphrase"
    browser.post("/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert [one.get("/people/").status_code for one in (browser, other)] == [200, 302]
    assert program.get("/api/v1/people/").status_code == 401
    assert browser.session.session_key != key
    assert UserSession.objects.count() == 1


@pytest.mark.django_db
def test_signing_in_makes_a_new_session_and_signing_out_has_the_browser_forget(cast: Cast) -> None:
    client = Client()
    client.get("/sign-in/")
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    client.post("/sign-in/", {"username": "hana", "password": PASSWORD})
    assert client.session.session_key != before
    answer = client.post("/sign-out/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert not UserSession.objects.exists()


def test_cookies_are_of_this_host_alone_by_https() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from heirloom import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME)"],
        env={**os.environ, "HTTPS": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["__Host-sessionid", "__Host-csrftoken"]


def breached(folder: Path, *passwords: str) -> Path:
    lines = sorted(hashlib.sha1(one.encode()).hexdigest().upper() for one in passwords)
    path = folder / "breached.txt"
    path.write_text("".join(f"{line}:{7 * at + 1}\r\n" for at, line in enumerate(lines)))
    return path


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_every_line_of_a_list_is_found_and_nothing_else(tmp_path: Path, count: int) -> None:
    known = [f"password number {number}" for number in range(count)]
    path = breached(tmp_path, *known)
    assert all(is_known(one, path) for one in known)
    assert not any(is_known(f"unknown {number}", path) for number in range(200))


def test_a_password_known_from_a_breach_is_refused(tmp_path: Path, settings: Settings) -> None:
    settings.BREACHED_PASSWORDS_FILE = str(breached(tmp_path, PASSWORD))
    with pytest.raises(ValidationError, match="known from a breach"):
        validate_password(PASSWORD)
    validate_password("another long passphrase")
    settings.BREACHED_PASSWORDS_FILE = str(tmp_path / "gone.txt")
    with pytest.raises(ValidationError, match="cannot be looked up"):
        validate_password("another long passphrase")


def test_a_short_password_is_refused() -> None:
    with pytest.raises(ValidationError, match="too short"):
        validate_password("Fourteen-chars")


@pytest.mark.django_db
def test_a_forgotten_session_row_is_of_no_consequence(cast: Cast) -> None:
    UserSession.objects.create(user=cast.hana, session_key="gone", seen_at=timezone.now() - timedelta(days=2))
    signed_in(cast.hana).get("/security/")
    assert not UserSession.objects.filter(session_key="gone").exists()
    assert APIClient().get("/api/v1/people/").status_code == 401
