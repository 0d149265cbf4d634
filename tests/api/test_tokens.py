"""POST /auth/token/: who is asking."""

import jwt
import pytest
from django.conf import settings
from rest_framework.test import APIClient

from tests.api.conftest import codes
from tests.cast import PASSWORD, Cast, caller

URL = "/api/v1/auth/token/"
READ = "/api/v1/verifications/"


def test_a_password_is_traded_for_tokens_and_a_refresh_works_once(cast: Cast) -> None:
    client = APIClient()
    tokens = client.post(URL, {"username": "cleo", "password": PASSWORD}, format="json").json()
    first = client.post(f"{URL}refresh/", {"refresh": tokens["refresh"]}, format="json")
    again = client.post(f"{URL}refresh/", {"refresh": tokens["refresh"]}, format="json")
    assert (first.status_code, again.status_code) == (200, 401)


def test_a_wrong_password_is_401(cast: Cast) -> None:
    answer = APIClient().post(URL, {"username": "cleo", "password": "wrong"}, format="json")
    assert (answer.status_code, codes(answer)) == (401, ["no_active_account"])


def test_a_disabled_login_is_out_at_once(cast: Cast) -> None:
    client = caller(cast.cleo)
    cast.cleo.is_active = False
    cast.cleo.save()
    assert client.get(READ).status_code == 401


@pytest.mark.parametrize("forgery", ["none", "another key", "no expiry", "nonsense"])
def test_a_forged_token_is_401(cast: Cast, forgery: str) -> None:
    claims = {"token_type": "access", "user_id": str(cast.cleo.pk), "iss": "heirloom", "aud": "heirloom", "jti": "x"}
    tokens = {
        "none": jwt.encode({**claims, "exp": 9999999999}, "", algorithm="none"),
        "another key": jwt.encode({**claims, "exp": 9999999999}, "k" * 40, algorithm="HS256"),
        "no expiry": jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256"),
        "nonsense": "a.b.c",
    }
    answer = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens[forgery]}").get(READ)
    assert answer.status_code == 401
