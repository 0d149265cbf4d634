"""manage.py create_login: logins without a page."""

import io

import pytest
from django.core.management import CommandError, call_command

from heirloom.accounts.management.commands.create_login import VARIABLE
from heirloom.accounts.models import User
from heirloom.accounts.services import ensure_roles

GOOD = "correct horse battery staple"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def roles(db: None) -> None:
    ensure_roles()


def create(*arguments: str) -> str:
    said = io.StringIO()
    call_command("create_login", *arguments, stdout=said)
    return said.getvalue()


def test_a_login_gets_the_password_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, GOOD)
    assert GOOD not in create("hana", "--role", "hr")
    hana = User.objects.get(username="hana")
    assert hana.check_password(GOOD)
    assert hana.roles == {"hr"}
    assert not hana.is_staff


def test_a_password_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GOOD}\n"))
    create("rhea", "--role", "reviewer", "--password-stdin")
    rhea = User.objects.get(username="rhea")
    assert rhea.check_password(GOOD)
    assert rhea.is_staff


def test_without_a_password_one_is_made_and_told_once() -> None:
    said = create("kiosk", "--role", "client", "--scope", "identify")
    kiosk = User.objects.get(username="kiosk")
    assert kiosk.check_password(said.split()[-1])
    assert kiosk.scopes == ["identify"]


def test_a_weak_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "12345")
    with pytest.raises(CommandError, match="not good enough"):
        create("hana", "--role", "hr")
    assert not User.objects.exists()


def test_a_name_that_is_taken_and_a_role_that_is_none_are_refused() -> None:
    create("hana", "--role", "hr")
    with pytest.raises(CommandError, match="already"):
        create("hana", "--role", "client")
    with pytest.raises(CommandError, match="invalid choice"):
        create("carl", "--role", "king")
