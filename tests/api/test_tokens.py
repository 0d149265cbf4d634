"""POST /auth/token/ and what follows: who is asking, for how long, and how that ends."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from heirloom.api import families
from heirloom.api.models import TokenFamily
from heirloom.audit import services as audit
from heirloom.audit.models import AuditEvent
from tests.api.conftest import codes
from tests.cast import PASSWORD, Cast, caller, make_cast

URL = "/api/v1/auth/token/"
READ = "/api/v1/verifications/"


def signed_in(username: str = "cleo") -> dict[str, str]:
    answer = APIClient().post(URL, {"username": username, "password": PASSWORD}, format="json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def refresh(tokens: dict[str, str]) -> Any:
    return APIClient().post(f"{URL}refresh/", {"refresh": tokens["refresh"]}, format="json")


def revoke(token: str) -> Any:
    return APIClient().post(f"{URL}revoke/", {"refresh": token}, format="json")


def read(tokens: dict[str, str]) -> int:
    return int(APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}").get(READ).status_code)


def later(by: timedelta = families.GRACE + timedelta(seconds=1)) -> None:
    """Let this time pass since the last trade."""
    TokenFamily.objects.update(rotated_at=timezone.now() - by)


def test_a_password_is_traded_for_tokens_and_they_for_the_next(cast: Cast) -> None:
    first = signed_in()
    answer = refresh(first)
    second = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert first["refresh"] != second["refresh"]
    assert [read(first), read(second)] == [200, 200]


def test_a_token_says_who_it_is_for_and_nothing_of_a_password(cast: Cast) -> None:
    tokens = signed_in()
    for name, kind in (("access", "access"), ("refresh", "refresh")):
        claims = jwt.decode(tokens[name], options={"verify_signature": False})
        assert set(claims) == {"token_type", "exp", "iat", "jti", "sub", "sid", "iss", "aud"}
        assert (claims["sub"], claims["token_type"]) == (str(cast.cleo.pk), kind)
        assert (claims["iss"], claims["aud"]) == ("heirloom", "heirloom")
    stored = str(TokenFamily.objects.values().get())
    assert not any(part in stored for token in tokens.values() for part in token.split("."))


def test_a_wrong_password_is_401(cast: Cast) -> None:
    answer = APIClient().post(URL, {"username": "cleo", "password": "wrong"}, format="json")
    assert (answer.status_code, codes(answer)) == (401, ["no_active_account"])


def test_a_disabled_login_is_out_at_once(cast: Cast) -> None:
    client = caller(cast.cleo)
    cast.cleo.is_active = False
    cast.cleo.save()
    assert client.get(READ).status_code == 401


def test_reading_by_token_takes_one_question_to_know_the_caller(cast: Cast, django_assert_num_queries: Any) -> None:
    access = signed_in()["access"].encode()
    with django_assert_num_queries(1):
        assert families.holder(access) == cast.cleo


def test_a_double_click_gets_the_same_next_token_twice(cast: Cast) -> None:
    tokens = signed_in()
    first, second = refresh(tokens), refresh(tokens)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["refresh"] == second.json()["refresh"]
    assert refresh(first.json()).status_code == 200


def test_a_token_traded_a_while_ago_ends_the_family_in_the_audit_log_too(cast: Cast) -> None:
    first = signed_in()
    other = signed_in()
    second = refresh(first).json()
    later()
    assert refresh(first).status_code == 401
    assert [refresh(second).status_code, read(first), read(second)] == [401, 401, 401]
    assert read(other) == 200
    event = AuditEvent.objects.get(action="token.reused")
    assert event.subject_id == UUID(int=cast.cleo.pk)
    assert TokenFamily.objects.get(pk=event.details["family"]).ended_by == "reused"
    assert audit.verify().intact


def test_the_grandparent_of_a_token_ends_the_family_however_soon(cast: Cast) -> None:
    first = signed_in()
    second = refresh(first).json()
    third = refresh(second).json()
    assert refresh(first).status_code == 401
    assert [refresh(third).status_code, read(third)] == [401, 401]


def test_an_expired_token_ends_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = signed_in()
    TokenFamily.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    family = TokenFamily.objects.select_related("user").get()
    assert refresh({"refresh": families._pair(family).refresh}).status_code == 401
    assert read(tokens) == 200
    assert TokenFamily.objects.get().ended_at is None


def test_signing_out_ends_every_token_of_this_sign_in_and_of_no_other(cast: Cast) -> None:
    first, other = signed_in(), signed_in()
    second = refresh(first).json()
    assert revoke(first["refresh"]).status_code == 204
    assert [read(first), read(second), refresh(second).status_code] == [401, 401, 401]
    assert [read(other), refresh(other).status_code] == [200, 200]
    event = AuditEvent.objects.get(action="sign_in.ended")
    assert (event.actor_id, event.subject_id) == (str(cast.cleo.pk), UUID(int=cast.cleo.pk))


def test_signing_out_twice_or_with_no_token_changes_nothing(cast: Cast) -> None:
    tokens, other = signed_in(), signed_in()
    answers = [revoke(tokens["refresh"]), revoke(tokens["refresh"]), revoke("a.b.c"), revoke(other["access"])]
    assert {answer.status_code for answer in answers} == {204}
    assert AuditEvent.objects.filter(action="sign_in.ended").count() == 1
    assert read(other) == 200


def test_another_password_ends_the_tokens_from_before(cast: Cast) -> None:
    before = signed_in()
    cast.cleo.set_password(PASSWORD)  # the same one, set anew
    cast.cleo.save()
    assert [read(before), refresh(before).status_code] == [401, 401]
    assert read(signed_in()) == 200


def test_families_are_forgotten_once_no_token_of_them_is_good(cast: Cast) -> None:
    signed_in()
    assert families.sweep() == 0
    TokenFamily.objects.update(expires_at=timezone.now() - timedelta(days=2))
    assert families.sweep() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_trades_at_once_all_get_one_and_the_same_successor() -> None:
    make_cast()
    tokens = signed_in()

    def trade(_: int) -> tuple[int, str]:
        try:
            answer = refresh(tokens)
            return answer.status_code, answer.json()["refresh"]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(trade, range(12)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 200
