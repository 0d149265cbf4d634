"""Logins: roles, scopes, and what follows from them."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.models import Group
from django.test import Client

from heirloom.accounts.models import User
from tests.cast import PASSWORD, Cast
from tests.portal.conftest import text_of

URL = "/admin/accounts/user/"


def form_of(user: User, *roles: str, **other: Any) -> dict[str, Any]:
    groups = Group.objects.filter(name__in=roles).values_list("pk", flat=True)
    return {"username": user.username, "groups": list(groups), "is_active": "on", "consent_basis": "null", **other}


def test_an_admin_sees_logins_with_their_roles(ada: Client) -> None:
    page = text_of(ada.get(URL))
    assert "hana" in page
    assert "reviewer" in page


def test_a_new_login_is_made_and_given_roles(ada: Client) -> None:
    form = {"username": "nils", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    ada.post(f"{URL}add/", form)
    nils = User.objects.get(username="nils")
    ada.post(f"{URL}{nils.pk}/change/", form_of(nils, "reviewer"))
    nils.refresh_from_db()
    assert (nils.is_staff, nils.is_superuser) == (True, False)
    assert nils.has_role("reviewer")


def test_rights_go_with_the_role(ada: Client, cast: Cast) -> None:
    ada.post(f"{URL}{cast.rhea.pk}/change/", form_of(cast.rhea, "hr"))
    cast.rhea.refresh_from_db()
    assert not cast.rhea.is_staff


def test_a_client_app_is_given_scopes_and_a_basis(ada: Client, cast: Cast) -> None:
    basis = '{"policy_version": "2026-1", "method": "contract"}'
    ada.post(f"{URL}{cast.cleo.pk}/change/", form_of(cast.cleo, "client", scopes=["identify"], consent_basis=basis))
    cast.cleo.refresh_from_db()
    assert cast.cleo.scopes == ["identify"]
    assert cast.cleo.consent_basis["method"] == "contract"


def test_an_unknown_scope_is_refused(ada: Client, cast: Cast) -> None:
    answer = ada.post(f"{URL}{cast.cleo.pk}/change/", form_of(cast.cleo, "client", scopes=["everything"]))
    assert answer.status_code == 200
    cast.cleo.refresh_from_db()
    assert cast.cleo.scopes == []


def test_nobody_takes_their_own_role_away(ada: Client, cast: Cast) -> None:
    ada.post(f"{URL}{cast.ada.pk}/change/", form_of(cast.ada, "client"))
    cast.ada.refresh_from_db()
    assert cast.ada.is_superuser
    assert cast.ada.is_active


def test_logins_are_not_deleted(ada: Client, cast: Cast) -> None:
    assert ada.post(f"{URL}{cast.rhea.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_locked_username_is_opened_by_an_admin(ada: Client, cast: Cast) -> None:
    stranger = Client()
    for _ in range(10):
        stranger.post("/sign-in/", {"username": "hana", "password": "wrong"})
    assert stranger.post("/sign-in/", {"username": "hana", "password": PASSWORD}).status_code == 429
    assert "hana" in text_of(ada.get("/admin/axes/accessattempt/"))
    for attempt in AccessAttempt.objects.all():
        ada.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"})
    assert stranger.post("/sign-in/", {"username": "hana", "password": PASSWORD}).status_code == 302
