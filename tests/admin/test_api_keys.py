"""API keys in the administration: made with the secret shown once, looked up, revoked."""

import re
from typing import Any

import pytest
from django.test import Client

from heirloom.api import keys
from heirloom.api.models import ApiKey
from tests.cast import Cast, key_caller
from tests.portal.conftest import text_of

LIST = "/admin/api/apikey/"


def filled_in(cast: Cast, **more: Any) -> dict[str, Any]:
    return {"owner": cast.cleo.pk, "name": "Kiosk", "departments": "", "person_ids": "", **more}


def test_an_admin_makes_a_key_and_is_shown_the_secret_once(ada: Client, cast: Cast) -> None:
    assert ada.get(f"{LIST}add/").status_code == 200
    answer = ada.post(f"{LIST}add/", filled_in(cast, departments="Flight,Computing"))
    assert "no-store" in answer["Cache-Control"]
    secret = re.findall(r"hl_[a-z0-9]{12}_[\w-]{43}", text_of(answer))[0]
    assert key_caller(secret).get("/api/v1/verifications/").status_code == 200
    key = ApiKey.objects.get()
    assert (key.owner, set(key.departments)) == (cast.cleo, {"Flight", "Computing"})
    page = text_of(ada.get(f"{LIST}{key.id}/change/"))
    assert key.prefix in page
    assert key.secret_sha256 not in page
    assert secret not in page + text_of(ada.get(LIST))


def test_what_the_service_refuses_is_said(ada: Client, cast: Cast) -> None:
    answer = ada.post(f"{LIST}add/", filled_in(cast, scopes=["identify"]), follow=True)
    assert "does not hold: identify" in text_of(answer)
    assert not ApiKey.objects.exists()


def test_a_login_that_is_no_client_app_is_no_choice(ada: Client, cast: Cast) -> None:
    ada.post(f"{LIST}add/", filled_in(cast, owner=cast.hana.pk))
    assert not ApiKey.objects.exists()


def test_an_admin_revokes_a_key(ada: Client, cast: Cast) -> None:
    issued = keys.create(owner=cast.cleo, name="x", actor=cast.cleo)
    ada.post(LIST, {"action": "revoke", "_selected_action": [str(issued.key.id)]})
    assert key_caller(issued.secret).get("/api/v1/verifications/").status_code == 401


def test_a_key_is_neither_typed_over_nor_deleted(ada: Client, cast: Cast) -> None:
    key = keys.create(owner=cast.cleo, name="x", actor=cast.cleo).key
    assert ada.post(f"{LIST}{key.id}/change/", filled_in(cast)).status_code == 403
    assert ada.post(f"{LIST}{key.id}/delete/", {"post": "yes"}).status_code == 403
    assert ada.get(f"{LIST}?secret_sha256__startswith=a").status_code in {302, 400}


@pytest.mark.parametrize("url", [LIST, f"{LIST}add/"])
def test_reviewers_have_no_keys_to_look_at(rhea: Client, url: str) -> None:
    assert rhea.get(url).status_code == 403


def test_the_list_takes_few_queries(ada: Client, cast: Cast, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        keys.create(owner=cast.cleo, name=str(number), actor=cast.cleo)
    with django_assert_max_num_queries(12):
        assert ada.get(LIST).status_code == 200
