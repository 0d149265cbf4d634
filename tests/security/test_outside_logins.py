"""Whoever signs in at another issuer (Supabase, or any by OpenID Connect) is known here, with the roles it is given."""

import base64
import time
from typing import Any
from uuid import UUID

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.accounts.models import OutsideLogin, User
from heirloom.api import checks, oidc, oidc_keys, outside
from heirloom.audit import services as audit
from heirloom.audit.models import AuditEvent
from heirloom.embedded import doctor_services
from heirloom.embedded.findings import State
from tests.cast import Cast
from tests.portal.conftest import signed_in, text_of
from tests.security.oidc_issuer import AUDIENCE, DISCOVERY, JWKS, Issuer, Key, usual_keys

READ, PEOPLE = "/api/v1/verifications/", "/api/v1/people/"
SHARED = "a secret that is shared, of more than sixty-four characters altogether"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def roles(cast: Cast) -> None:
    """The roles of an installation."""


def caller(token: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")


def read(token: str) -> Any:
    return caller(token).get(READ)


def with_roles(*given: Any) -> dict[str, Any]:
    return {"app_metadata": {"heirloom_roles": list(given)}}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def test_the_first_use_makes_a_login_without_a_password(issuer: Issuer) -> None:
    token = issuer.token()
    assert [read(token).status_code for _ in range(3)] == [200] * 3
    login = OutsideLogin.objects.select_related("user").get()
    assert (login.issuer, login.subject, login.user.email) == (issuer.url, issuer.claims()["sub"], "nora@example.org")
    assert (login.user.has_usable_password(), login.user.is_staff, login.user.is_superuser) == (False, False, False)
    own = AuditEvent.objects.filter(subject_id=UUID(int=login.user_id), action__startswith="login.")
    made, given = own.order_by("sequence")
    assert (made.action, given.action) == ("login.created", "login.roles_changed")
    assert (given.details["before"], given.details["after"]) == ({"roles": []}, {"roles": ["client"]})
    assert audit.verify().intact


def test_an_e_mail_address_is_not_who_somebody_is(issuer: Issuer, cast: Cast) -> None:
    cast.ada.email = "nora@example.org"
    cast.ada.save()
    read(issuer.token(sub="one"))
    read(issuer.token(sub="two"))
    assert OutsideLogin.objects.count() == 2
    assert not OutsideLogin.objects.filter(user=cast.ada).exists()


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_each_kind_of_key_is_taken_by_its_own_algorithm(issuer: Issuer, algorithm: str) -> None:
    made = Key.make(algorithm)
    issuer.keys = [made]
    assert read(issuer.token(made)).status_code == 200
    assert AUDIENCE in issuer.claims()["aud"]


def test_one_of_several_audiences_is_enough(issuer: Issuer) -> None:
    assert read(issuer.token(aud=["somebody", AUDIENCE])).status_code == 200


def test_roles_follow_the_token(issuer: Issuer) -> None:
    now = int(time.time())
    assert caller(issuer.token(iat=now - 9, **with_roles("hr"))).get(PEOPLE).status_code == 200
    assert caller(issuer.token(iat=now - 5, **with_roles("client"))).get(PEOPLE).status_code == 403
    assert OutsideLogin.objects.get().user.roles == {"client"}


def test_an_older_token_gives_back_nothing_that_was_taken(issuer: Issuer) -> None:
    now = int(time.time())
    old = issuer.token(iat=now - 9, **with_roles("hr"))
    assert caller(old).get(PEOPLE).status_code == 200
    read(issuer.token(iat=now - 5, **with_roles("client")))
    assert caller(old).get(PEOPLE).status_code == read(old).status_code == 403
    assert OutsideLogin.objects.get().user.roles == {"client"}


@pytest.mark.parametrize(
    "given",
    [
        {"app_metadata": {}},
        {"app_metadata": None},
        {"app_metadata": "client"},
        {"app_metadata": {"heirloom_roles": {"client": True}}},
        {"app_metadata": {"heirloom_roles": [["client"], {"a": 1}, 1, None, "king", "superuser"]}},
    ],
)
def test_without_a_role_of_ours_a_login_may_do_nothing(issuer: Issuer, given: dict[str, Any]) -> None:
    assert code(read(issuer.token(**given))) == (403, "permission_denied")


def test_what_its_users_may_write_themselves_gives_no_role(issuer: Issuer) -> None:
    token = issuer.token(app_metadata={}, user_metadata={"heirloom_roles": ["admin"]}, heirloom_roles=["admin"])
    assert read(token).status_code == 403


def test_a_claim_may_have_dots_in_its_name(issuer: Issuer, settings: Settings) -> None:
    settings.OIDC_ROLES_CLAIM = "https://heirloom.example.org/role"
    assert read(issuer.token(**{settings.OIDC_ROLES_CLAIM: "client"})).status_code == 200


def test_an_admin_by_token_does_everything_in_the_api_and_opens_no_django_admin(issuer: Issuer) -> None:
    assert caller(issuer.token(**with_roles("admin"))).get("/api/v1/api-keys/").status_code == 200
    user = OutsideLogin.objects.get().user
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert signed_in(user).get("/admin/").status_code == 302


def test_without_a_claim_an_admin_gives_the_roles_and_they_stay(issuer: Issuer, settings: Settings, cast: Cast) -> None:
    settings.OIDC_ROLES_CLAIM = ""
    token = issuer.token(**with_roles("admin"))
    assert read(token).status_code == 403
    user = OutsideLogin.objects.get().user
    page = f"/admin/accounts/user/{user.pk}/change/"
    admin = signed_in(cast.ada)
    assert issuer.claims()["sub"] in text_of(admin.get(page))
    groups = {role: group for role, group in _groups().items() if role in {"client", "admin"}}
    form = {"username": user.username, "groups": list(groups.values()), "is_active": "on", "consent_basis": "null"}
    assert admin.post(page, form).status_code == 302
    assert [read(token).status_code for _ in range(2)] == [200, 200]
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)


def _groups() -> dict[str, int]:
    from django.contrib.auth.models import Group

    return dict(Group.objects.values_list("name", "pk"))


def test_where_the_token_gives_the_roles_an_admin_does_not(issuer: Issuer, cast: Cast) -> None:
    read(issuer.token())
    user = OutsideLogin.objects.get().user
    form = {"username": user.username, "groups": [_groups()["hr"]], "is_active": "on", "consent_basis": "null"}
    signed_in(cast.ada).post(f"/admin/accounts/user/{user.pk}/change/", form)
    assert User.objects.get(pk=user.pk).roles == {"client"}


def test_a_login_from_outside_is_given_no_password(issuer: Issuer, cast: Cast) -> None:
    read(issuer.token())
    user = OutsideLogin.objects.get().user
    form = {"password1": "a long enough passphrase", "password2": "a long enough passphrase", "usable_password": "true"}
    admin = signed_in(cast.ada)
    assert "Password" not in text_of(admin.get(f"/admin/accounts/user/{user.pk}/change/"))
    assert admin.post(f"/admin/accounts/user/{user.pk}/password/", form).status_code == 403
    assert admin.post(f"/admin/accounts/user/{cast.rhea.pk}/password/", form).status_code == 302
    assert Client().post("/sign-in/", {"username": user.username, "password": ""}).status_code == 200


def test_roles_and_scopes_may_be_given_before_the_first_use(issuer: Issuer, settings: Settings) -> None:
    settings.OIDC_ROLES_CLAIM = ""
    call_command("outside_login", issuer.claims()["sub"], "--role", "client", "--scope", "identify")
    assert read(issuer.token()).status_code == 200
    user = OutsideLogin.objects.get().user
    assert (user.roles, user.scopes) == ({"client"}, ["identify"])
    call_command("outside_login", issuer.claims()["sub"], "--role", "hr")
    assert (User.objects.get(pk=user.pk).roles, User.objects.get(pk=user.pk).scopes) == ({"hr"}, [])


def test_roles_that_the_token_gives_are_not_given_by_command(issuer: Issuer, settings: Settings) -> None:
    with pytest.raises(CommandError, match="OIDC_ROLES_CLAIM"):
        call_command("outside_login", "x", "--role", "hr")
    call_command("outside_login", issuer.claims()["sub"], "--scope", "identify")
    read(issuer.token())
    assert OutsideLogin.objects.get().user.scopes == ["identify"]
    settings.OIDC_ISSUER = ""
    with pytest.raises(CommandError, match="OIDC_ISSUER"):
        call_command("outside_login", "x", "--role", "hr")


def test_two_first_uses_at_once_make_one_login(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issuer.token()
    assert read(token).status_code == 200
    known, missed = outside._known, [True]
    # As if the row had not been there yet when the second of two looked for it.
    monkeypatch.setattr(outside, "_known", lambda subject: None if missed and missed.pop() else known(subject))
    assert read(token).status_code == 200
    assert OutsideLogin.objects.count() == 1


def test_knowing_the_caller_takes_two_questions(issuer: Issuer, django_assert_num_queries: Any) -> None:
    token = issuer.token().encode()
    outside.holder(token)
    with django_assert_num_queries(2):
        assert outside.holder(token).has_role("client")


def test_our_own_tokens_are_taken_beside_them(issuer: Issuer, cleo: APIClient) -> None:
    assert [cleo.get(READ).status_code, read(issuer.token()).status_code] == [200, 200]
    assert issuer.fetches == 1


# Its keys


def test_keys_are_asked_for_once_while_they_serve(issuer: Issuer) -> None:
    for _ in range(3):
        assert read(issuer.token()).status_code == 200
    assert (issuer.fetches, issuer.asked) == (1, [DISCOVERY, JWKS])


def test_a_new_key_is_taken_at_its_first_use(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(issuer.token()).status_code == 200
    monkeypatch.setattr(oidc_keys, "AGAIN_S", 0.0)
    former = issuer.keys[0]
    issuer.keys = [Key.make("ES256")]
    assert read(issuer.token()).status_code == 200
    assert issuer.fetches == 2
    # And a key that is published no more is good no more.
    assert code(read(issuer.token(former))) == (401, "token_not_valid")


def test_names_made_up_do_not_make_us_ask_again_and_again(issuer: Issuer) -> None:
    token = issuer.token()
    assert read(token).status_code == 200
    for number in range(20):
        assert read(issuer.keys[0].sign(issuer.claims(), kid=f"made-up-{number}")).status_code == 401
    assert read(token).status_code == 200
    assert issuer.fetches == 1


def test_an_issuer_that_is_away_is_503_and_asked_again_later(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.statuses[JWKS] = 500
    for _ in range(5):
        answer = read(issuer.token())
        assert (code(answer), answer["Retry-After"]) == ((503, "issuer_unavailable"), "10")
    assert issuer.fetches == 1
    monkeypatch.setattr(oidc_keys, "AGAIN_S", 0.0)
    del issuer.statuses[JWKS]
    assert read(issuer.token()).status_code == 200


def test_while_an_issuer_is_away_own_tokens_work_and_metrics_answer(issuer: Issuer, cleo: APIClient) -> None:
    issuer.statuses[JWKS] = 500
    assert cleo.get(READ).status_code == 200
    assert APIClient(HTTP_AUTHORIZATION=f"Bearer {issuer.token()}").get("/metrics").status_code in {200, 404}


def test_keys_at_hand_serve_for_ten_minutes_while_the_issuer_is_away(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token()
    assert read(token).status_code == 200
    issuer.statuses[JWKS] = 500
    monkeypatch.setattr(oidc_keys, "AGAIN_S", 0.0)
    keys = oidc.keys()
    keys._fetched_at -= oidc_keys.RENEW_S + 1
    assert read(token).status_code == 200
    assert issuer.fetches == 2
    keys._fetched_at -= oidc_keys.KEEP_S - oidc_keys.RENEW_S
    assert code(read(token)) == (503, "issuer_unavailable")


@pytest.mark.parametrize("status", [301, 302, 307, 404, 403])
def test_keys_are_followed_nowhere_and_taken_only_as_answered(issuer: Issuer, status: int) -> None:
    issuer.statuses[JWKS] = status
    assert read(issuer.token()).status_code == 503
    assert "/elsewhere" not in issuer.asked


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"keys": 1}', b"[" * 200_000, b" " * 300_000])
def test_an_answer_that_holds_no_keys_is_503(issuer: Issuer, body: bytes) -> None:
    issuer.body = body
    assert read(issuer.token()).status_code == 503


def test_an_issuer_that_is_slow_is_not_waited_for(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_keys, "STEP_S", 0.2)
    issuer.slow_s = 1.0
    began = time.monotonic()
    assert read(issuer.token()).status_code == 503
    assert time.monotonic() - began < 0.9


def test_discovery_is_believed_of_the_issuer_itself_alone(issuer: Issuer, settings: Settings) -> None:
    del issuer.statuses[DISCOVERY]
    issuer.discovery = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
    assert read(issuer.token()).status_code == 200
    assert issuer.asked == [DISCOVERY, "/keys"]
    for lie in ({"issuer": "https://other.example.org"}, {"jwks_uri": "http://192.0.2.1/keys"}, {"jwks_uri": None}):
        oidc.keys.cache_clear()
        issuer.discovery = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys", **lie}
        assert read(issuer.token()).status_code == 503


def test_keys_may_be_named_by_address(issuer: Issuer, settings: Settings) -> None:
    settings.OIDC_JWKS_URL = f"{issuer.url}/somewhere/else"
    assert read(issuer.token()).status_code == 200
    assert issuer.asked == ["/somewhere/else"]


def test_only_public_keys_for_signatures_are_taken(issuer: Issuer) -> None:
    good, other = usual_keys()[0], Key.make("ES256")
    published = base64.urlsafe_b64encode(SHARED.encode()).rstrip(b"=").decode()
    secret = {"kty": "oct", "k": published, "kid": "shared", "alg": "HS256"}
    issuer.keys = [good]
    issuer.rows = [
        secret, {**secret, "alg": "ES256"}, other.jwk(use="enc"), other.jwk(alg="HS256", kid="hs"), {"kid": "x"}, 7,
        None, other.jwk(alg="none"), other.jwk(alg=[1]), other.jwk(alg="RS256"), other.jwk(kid=5), other.jwk(d="AA"),
    ]  # fmt: skip
    assert list(oidc_keys.published()) == [good.kid]
    forged = jwt.encode(issuer.claims(), SHARED, "HS256", {"kid": "shared"})
    assert read(forged).status_code == 401


def test_a_key_too_short_to_trust_verifies_nothing(issuer: Issuer) -> None:
    weak = Key.make("RS256", bits=1024)
    issuer.keys = [weak]
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = issuer.token(weak)
    assert read(token).status_code == 401


# A shared secret


def test_a_shared_secret_is_taken_alone_and_published_keys_no_more(issuer: Issuer, settings: Settings) -> None:
    by_secret = jwt.encode(issuer.claims(), SHARED, "HS256")
    assert read(by_secret).status_code == 401
    settings.OIDC_SHARED_SECRET = SHARED
    assert read(by_secret).status_code == 200
    assert read(issuer.token()).status_code == 401
    assert read(jwt.encode(issuer.claims(), SHARED, "HS512")).status_code == 401
    assert read(jwt.encode(issuer.claims(aud="x"), SHARED, "HS256")).status_code == 401


# Half of the settings

HALVES: dict[str, dict[str, Any]] = {
    "E021": {"OIDC_ISSUER": "", "OIDC_ROLES_CLAIM": "roles"},
    "E022": {"OIDC_AUDIENCE": []},
    "E023": {"OIDC_ISSUER": "http://issuer.example.org"},
    "E024": {"OIDC_SHARED_SECRET": "short"},
    "E025": {"OIDC_SHARED_SECRET": SHARED, "OIDC_JWKS_URL": "https://issuer.example.org/keys"},
    "E026": {"OIDC_ROLES_CLAIM": "user_metadata.heirloom_roles"},
}


@pytest.mark.parametrize("fault", HALVES)
def test_half_of_the_settings_is_refused_by_every_command(settings: Settings, fault: str) -> None:
    settings.OIDC_ISSUER, settings.OIDC_AUDIENCE = "https://issuer.example.org", [AUDIENCE]
    assert checks.issuer() == []
    for name, value in HALVES[fault].items():
        setattr(settings, name, value)
    assert [found.id for found in checks.issuer()] == [f"heirloom.{fault}"]


def test_the_doctor_asks_the_issuer(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OIDC_ISSUER", "OIDC_SHARED_SECRET"):
        monkeypatch.setattr(doctor_services.settings, name, "")
    assert list(doctor_services.issuer()) == []
    monkeypatch.setattr(doctor_services.settings, "OIDC_ISSUER", issuer.url)
    assert "2 keys" in next(doctor_services.issuer()).detail
    issuer.keys = []
    assert next(doctor_services.issuer()).state is State.WARNING
    issuer.statuses[JWKS] = 500
    assert next(doctor_services.issuer()).state is State.WARNING
    monkeypatch.setattr(doctor_services.settings, "OIDC_SHARED_SECRET", SHARED)
    assert "HS256" in next(doctor_services.issuer()).detail
