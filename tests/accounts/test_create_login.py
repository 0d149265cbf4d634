"""manage.py create_login: a password that was printed is changed by whoever can change it."""

import io

import pytest
from django.core.management import call_command

from heirloom.accounts.models import User
from heirloom.accounts.services import ensure_roles
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


def made(*roles: str) -> tuple[User, str]:
    ensure_roles()
    said = io.StringIO()
    flags = [part for role in roles for part in ("--role", role)]
    call_command("create_login", "nils", *flags, stdout=said)
    return User.objects.get(username="nils"), said.getvalue()


@pytest.mark.parametrize(("roles", "must"), [(("hr",), True), (("client", "hr"), True), (("client",), False)])
def test_staff_must_change_a_printed_password(roles: tuple[str, ...], must: bool) -> None:
    nils, said = made(*roles)
    assert nils.must_change_password is must
    assert ("to be changed" in said) is must


def test_a_password_of_ones_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEIRLOOM_LOGIN_PASSWORD", PASSWORD)
    nils, said = made("hr")
    assert not nils.must_change_password
    assert PASSWORD not in said
