"""The gravest acts ask anew who somebody is: a session left open, or a token of this morning, is not enough."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from enrollment.models import Person
from enrollment.services import people
from heirloom.accounts.models import User
from heirloom.api.models import ApiKey, TokenFamily
from heirloom.audit.models import Action, AuditEvent
from heirloom.portal.confirmation import GRAVE
from tests.api.conftest import codes
from tests.cast import PASSWORD, Cast, caller
from tests.portal.conftest import signed_in, text_of
from tests.security.oidc_issuer import Issuer

pytestmark = pytest.mark.django_db
HARMLESS = {
    "change-password",  # it asks for the old one
    "sign-in", "sign-out", "admin:logout", "admin:index", "admin:search",
    "person-edit", "person-enroll", "withdraw-consent", "enroll", "import-new", "import-retry", "import-cancel",
    "admin:reviews_review_change", "admin:axes_accessattempt_delete", "transcoder-notice",
    "second-factor", "session-end", "tokens-end", "end-others", "release-face",
}  # fmt: skip
"""Whose POST needs no password. A page that is new stands here, or in GRAVE."""


@pytest.fixture
def grace(cast: Cast) -> Person:
    return people.create_person(full_name="Grace Hopper", employee_id="E-7", actor=cast.hana)


def of_a_while_ago(client: Client) -> Client:
    session = client.session
    session["confirmed_at"] = (timezone.now() - timedelta(minutes=11)).timestamp()
    session.save()
    return client


def of_this_morning(user: User) -> APIClient:
    client = caller(user)
    TokenFamily.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    return client


def test_an_erasure_from_an_old_session_asks_for_the_password_and_keeps_what_was_typed(
    cast: Cast, grace: Person
) -> None:
    hana, link = of_a_while_ago(signed_in(cast.hana)), f"/people/{grace.id}/erase/"
    assert "confirm_password" in text_of(hana.get(link))
    answer = hana.post(link, {"typed": "E-7"})
    assert answer.status_code == 403
    assert '<input type="hidden" name="typed" value="E-7">' in text_of(answer)
    assert Person.objects.exists()
    wrong = hana.post(link, {"typed": "E-7", "confirm_password": "wrong"})
    assert "not right" in text_of(wrong)
    assert 'name="typed" value="E-7"' in text_of(wrong)
    assert Person.objects.exists()
    assert hana.post(link, {"typed": "E-7", "confirm_password": PASSWORD}).status_code == 302
    assert not Person.objects.exists()
    told = AuditEvent.objects.filter(details__door="confirmation").order_by("sequence")
    assert [event.action for event in told] == [Action.SIGN_IN_FAILED, Action.REAUTHENTICATED]


def test_an_export_from_an_old_session_asks_too(cast: Cast, grace: Person) -> None:
    hana, link = of_a_while_ago(signed_in(cast.hana)), f"/people/{grace.id}/export/"
    assert "confirm_password" in text_of(hana.get(f"/people/{grace.id}/"))
    assert hana.post(link).status_code == 403
    assert not AuditEvent.objects.filter(action=Action.PERSON_EXPORTED).exists()
    answer = hana.post(link, {"confirm_password": PASSWORD})
    assert answer.headers["Content-Type"] == "application/zip"
    assert hana.post(link).status_code == 200  # and not again within ten minutes


def test_a_session_that_does_not_say_when_is_an_old_one(cast: Cast, grace: Person) -> None:
    browser, link = signed_in(cast.hana), f"/people/{grace.id}/export/"
    session = browser.session
    del session["confirmed_at"]
    session.save()
    assert browser.post(link).status_code == 403
    unknown = Client()
    unknown.force_login(cast.hana)
    assert unknown.post(link).headers["Location"].startswith("/sign-in/")


def test_signing_in_is_enough_for_ten_minutes(cast: Cast, grace: Person) -> None:
    browser = Client()
    browser.post("/sign-in/", {"username": "hana", "password": PASSWORD})
    assert browser.post(f"/people/{grace.id}/export/").status_code == 200


def test_giving_the_password_makes_the_session_another(cast: Cast, grace: Person) -> None:
    hana = of_a_while_ago(signed_in(cast.hana))
    before = hana.session.session_key
    hana.post(f"/people/{grace.id}/export/", {"confirm_password": PASSWORD})
    assert hana.session.session_key != before


def test_roles_passwords_and_keys_in_the_administration_ask_too(cast: Cast) -> None:
    ada, user = of_a_while_ago(signed_in(cast.ada)), f"/admin/accounts/user/{cast.rhea.pk}/"
    admin = Group.objects.get(name="admin").pk
    form = {"username": "rhea", "groups": [admin], "is_active": "on", "consent_basis": "null"}
    assert ada.post(f"{user}change/", form).status_code == 403
    assert ada.post(f"{user}password/", {"password1": "x" * 20, "password2": "x" * 20}).status_code == 403
    nils = {"username": "nils", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert ada.post("/admin/accounts/user/add/", nils).status_code == 403
    key = {"owner": cast.cleo.pk, "name": "The gate"}
    assert ada.post("/admin/api/apikey/add/", key).status_code == 403
    cast.rhea.refresh_from_db()
    assert (cast.rhea.roles, cast.rhea.check_password(PASSWORD)) == ({"reviewer"}, True)
    assert not User.objects.filter(username="nils").exists()
    assert not ApiKey.objects.exists()
    assert ada.post(f"{user}change/", {**form, "confirm_password": PASSWORD}).status_code == 302
    assert User.objects.get(username="rhea").has_role("admin")


def test_guessing_at_the_question_meets_a_limit(cast: Cast, grace: Person) -> None:
    hana, link = of_a_while_ago(signed_in(cast.hana)), f"/people/{grace.id}/export/"
    met = [hana.post(link, {"confirm_password": f"wrong-{number}"}).status_code for number in range(12)]
    assert met == [403] * 10 + [429] * 2
    assert hana.post(link, {"confirm_password": PASSWORD}).status_code == 429


def test_whoever_may_not_do_it_may_not_do_it_with_a_password_either(cast: Cast, grace: Person) -> None:
    rhea = of_a_while_ago(signed_in(cast.rhea))
    rhea.post(f"/people/{grace.id}/erase/", {"typed": "E-7", "confirm_password": PASSWORD})
    assert Person.objects.exists()


def test_every_page_that_is_posted_to_is_grave_or_known_to_be_harmless() -> None:
    from django.urls import resolve

    from tests.security.test_permission_matrix import PAGE_ROWS

    undecided = set()
    for method, door, met in PAGE_ROWS:
        if method == "POST" and met["admin"] == "yes":
            name = resolve(_filled(door)).view_name
            only_shows = name.endswith(("_changelist", "_history", "RedirectView", "_picture", "_clip"))
            if not only_shows and name not in GRAVE | HARMLESS:
                undecided.add(f"{name} ({door})")
    assert undecided == set()


def _filled(door: str) -> str:
    return re.sub(r"<\w+>", "00000000-0000-4000-8000-000000000000", door)


@pytest.mark.parametrize("act", ["export", "erase"])
def test_a_token_of_a_sign_in_long_ago_neither_exports_nor_erases(cast: Cast, grace: Person, act: str) -> None:
    answer = of_this_morning(cast.hana).post(f"/api/v1/people/{grace.id}/{act}/")
    assert (answer.status_code, codes(answer)) == (403, ["reauthentication_required"])
    assert Person.objects.exists()
    assert caller(cast.hana).post(f"/api/v1/people/{grace.id}/{act}/").status_code in {200, 204}


def test_a_refreshed_token_is_as_old_as_its_sign_in(cast: Cast, grace: Person) -> None:
    url, given = "/api/v1/auth/token/", {"username": "hana", "password": PASSWORD}
    tokens = APIClient().post(url, given, format="json").json()
    TokenFamily.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    fresh = APIClient().post(f"{url}refresh/", {"refresh": tokens["refresh"]}, format="json").json()["access"]
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {fresh}")
    assert codes(client.post(f"/api/v1/people/{grace.id}/erase/")) == ["reauthentication_required"]


def test_keys_are_made_and_changed_after_a_sign_in_and_ended_at_any_time(cast: Cast) -> None:
    fresh = caller(cast.cleo)
    key = fresh.post("/api/v1/api-keys/", {"name": "The gate"}, format="json").json()["id"]
    old = of_this_morning(cast.cleo)
    for method, path, body in (
        ("post", "", {"name": "Another"}),
        ("patch", f"{key}/", {"name": "Renamed"}),
        ("post", f"{key}/rotate/", {}),
    ):
        answer = getattr(old, method)(f"/api/v1/api-keys/{path}", body, format="json")
        assert codes(answer) == ["reauthentication_required"], path
    assert old.get("/api/v1/api-keys/").status_code == 200
    assert old.post(f"/api/v1/api-keys/{key}/revoke/").status_code == 200


def ago(seconds: int) -> int:
    return int(timezone.now().timestamp()) - seconds


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        (dict, 403),
        (lambda: {"auth_time": ago(30)}, 204),
        (lambda: {"auth_time": ago(3600)}, 403),
        (lambda: {"auth_time": ago(-3600)}, 403),
        (lambda: {"auth_time": True}, 403),
        (lambda: {"amr": [{"method": "password", "timestamp": ago(30)}]}, 204),
        (lambda: {"amr": ["pwd"]}, 403),
    ],
)
def test_a_token_of_another_issuer_must_say_when_it_was_signed_in_for(
    issuer: Issuer, grace: Person, claims: Any, status: int
) -> None:
    token = issuer.token(app_metadata={"heirloom_roles": ["hr"]}, **claims())
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.post(f"/api/v1/people/{grace.id}/erase/").status_code == status
