"""Every forged, broken, spent or misused token meets the same 401, whether it claims to be ours or another issuer's."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from jwt.algorithms import ECAlgorithm
from rest_framework.test import APIClient

from heirloom.accounts.models import OutsideLogin
from heirloom.api import families
from heirloom.api.jwts import LONGEST
from heirloom.api.models import TokenFamily
from tests.cast import PASSWORD, Cast
from tests.security.oidc_issuer import DISCOVERY, JWKS, Issuer, Key, usual_keys

TOKEN, REFRESH, READ = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/verifications/"
HOUR_S = 3600
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")]


def sent(token: str | bytes) -> Any:
    text = token if isinstance(token, str) else token.decode("latin-1")
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}").get(READ)


def refreshed(token: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": token}, format="json")


def told(answer: Any) -> tuple[int, str, list[str]]:
    body = answer.json()
    return answer.status_code, body["type"], [error["code"] for error in body["errors"]]


REFUSED = (401, "client_error", ["token_not_valid"])


def b64(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Sign as an attacker does: by hand, for no library lends itself to it."""
    signed = f"{b64({'typ': 'JWT', **header})}.{b64(claims)}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


class Own:
    """Our own access tokens: made by signing in, forged with what an attacker could know."""

    def __init__(self, cast: Cast) -> None:
        self.user = cast.cleo
        self.pair = families.begin(user=cast.cleo)
        self.good = self.pair.access
        self.claims = jwt.decode(self.good, options={"verify_signature": False})
        self.public = usual_keys()[1]

    def signed(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Sign with our own secret, as a bug would: what is wrong with the claims must be seen all the same."""
        kept = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        return jwt.encode(kept, settings.SECRET_KEY, "HS256", header)


class Outside:
    """The access tokens of another issuer."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.good = issuer.token()
        self.claims = issuer.claims()
        self.public = issuer.keys[1]

    def signed(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        return self.issuer.keys[0].sign(self.issuer.claims(**claims), **(header or {}))


Maker = Own | Outside


@pytest.fixture(params=["own", "outside"])
def maker(request: pytest.FixtureRequest, cast: Cast, issuer: Issuer) -> Iterator[Maker]:
    made: Maker = Own(cast) if request.param == "own" else Outside(issuer)
    assert sent(made.good).status_code == 200
    return made


def pem(key: Key) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public: bytes = key.private.public_key().public_bytes(serialization.Encoding.PEM, form)
    return public


CONFUSED: dict[str, Callable[[Maker], str]] = {
    "alg none": lambda m: f"{b64({'alg': 'none'})}.{b64(m.claims)}.",
    "alg None, kid kept": lambda m: f"{b64({'alg': 'None', **kid(m)})}.{b64(m.claims)}.",
    "alg missing": lambda m: f"{b64({'typ': 'JWT', **kid(m)})}.{m.good.split('.', 1)[1]}",
    "alg unknown": lambda m: f"{b64({'alg': 'XS256', **kid(m)})}.{m.good.split('.', 1)[1]}",
    "alg a list": lambda m: f"{b64({'alg': ['HS256'], **kid(m)})}.{m.good.split('.', 1)[1]}",
    "public PEM as secret": lambda m: hs256({"alg": "HS256", "kid": m.public.kid}, m.claims, pem(m.public)),
    "public JWK as secret": lambda m: hs256(
        {"alg": "HS256", "kid": m.public.kid}, m.claims, json.dumps(m.public.jwk()).encode()
    ),
    "empty secret": lambda m: hs256({"alg": "HS256"}, m.claims, b""),
    "empty secret, kid kept": lambda m: hs256({"alg": "HS256", **kid(m)}, m.claims, b""),
    "another secret": lambda m: hs256({"alg": "HS256"}, m.claims, b"k" * 40),
    "another RSA key of the same name": lambda m: forged(m, Key.make("RS256"), m.public.kid),
    "an EC key by the name of an RSA key": lambda m: forged(m, Key.make("ES256"), m.public.kid),
    "EdDSA by the name of another": lambda m: forged(m, Key.make("EdDSA"), m.public.kid),
    "signature cut off": lambda m: m.good.rsplit(".", 1)[0] + ".",
    "signature of another": lambda m: ".".join([*m.good.split(".")[:2], b64(b"\0" * 64)]),
    "payload tampered": lambda m: swapped(m, {**m.claims, "sub": "1"}),
    "payload no JSON": lambda m: swapped(m, b"sub=1"),
    "payload a list": lambda m: swapped(m, [1]),
    "header tampered": lambda m: f"{b64({'alg': 'HS512'})}.{m.good.split('.', 1)[1]}",
    "unknown critical extension": lambda m: m.signed({"crit": ["exp2"], "exp2": 1}),
    "detached payload": lambda m: m.signed({"crit": ["b64"], "b64": False}),
}


def kid(maker: Maker) -> dict[str, str]:
    found = jwt.get_unverified_header(maker.good).get("kid")
    return {"kid": found} if found else {}


def forged(maker: Maker, key: Key, name: str) -> str:
    return key.sign(maker.claims, kid=name)


def swapped(maker: Maker, payload: Any) -> str:
    header, _, signature = maker.good.split(".")
    return f"{header}.{b64(payload)}.{signature}"


def test_a_forged_signature_or_algorithm_opens_nothing(maker: Maker) -> None:
    assert {how: told(sent(make(maker))) for how, make in CONFUSED.items()} == dict.fromkeys(CONFUSED, REFUSED)


def test_a_token_does_not_bring_or_name_its_own_key(maker: Maker, issuer: Issuer) -> None:
    mine, nowhere = Key.make("ES256"), "http://127.0.0.1:1/keys"
    asked = len(issuer.asked)
    for header in ({"jwk": mine.jwk()}, {"jku": nowhere}, {"x5u": nowhere}, {"x5c": ["AAAA"]}):
        for named in (mine.kid, maker.public.kid):
            assert told(sent(mine.sign(maker.claims, **header, kid=named))) == REFUSED
    assert set(issuer.asked[asked:]) <= {DISCOVERY, JWKS}


KIDS = [
    "../../../../dev/null", "/dev/null", "' OR '1'='1", "'; DROP TABLE accounts_user; --", "http://127.0.0.1:1/jwks",
    "file:///etc/passwd", "\0", "", "x" * 4000, "|sleep 5", "key\r\nHost: a", "unknown",
]  # fmt: skip


def test_the_name_of_a_key_is_looked_up_and_nothing_else(issuer: Issuer) -> None:
    for name in KIDS:
        null = hs256({"alg": "HS256", "kid": name}, issuer.claims(), b"")
        real = issuer.keys[0].sign(issuer.claims(), kid=name)
        assert [told(sent(token)) for token in (null, real)] == [REFUSED] * 2, name


def test_a_key_must_be_named_and_by_text(issuer: Issuer) -> None:
    algorithm = ECAlgorithm(ECAlgorithm.SHA256)
    for named in ({}, {"kid": 1}, {"kid": ["a"]}, {"kid": {"a": 1}}, {"kid": True}, {"kid": None}):
        signed = f"{b64({'alg': 'ES256', **named})}.{b64(issuer.claims())}"
        signature = algorithm.sign(signed.encode(), issuer.keys[0].private)
        assert told(sent(f"{signed}.{b64(signature)}")) == REFUSED, named


CLAIMS: dict[str, dict[str, Any]] = {
    "wrong audience": {"aud": "somebody-else"},
    "audiences without ours": {"aud": ["a", "b"]},
    "audience of another kind": {"aud": {"authenticated": 1}},
    "no audience": {"aud": None},
    "empty audience": {"aud": ""},
    "wrong issuer": {"iss": "https://evil.example.org"},
    "no issuer": {"iss": None},
    "no expiry": {"exp": None},
    "expired": {"exp": int(time.time()) - HOUR_S},
    "expiry no number": {"exp": "tomorrow"},
    "expiry infinite": {"exp": float("inf")},
    "not valid yet": {"nbf": int(time.time()) + HOUR_S},
    "nbf no number": {"nbf": "now"},
    "issued in the far future": {"iat": int(time.time()) + 10 * HOUR_S},
    "not issued": {"iat": None},
    "no subject": {"sub": None},
    "subject a number": {"sub": 1},
    "subject a list": {"sub": ["1"]},
}


def test_a_claim_that_is_wrong_or_missing_is_refused_under_a_true_signature(maker: Maker) -> None:
    answers = {what: told(sent(maker.signed(**claims))) for what, claims in CLAIMS.items()}
    assert answers == dict.fromkeys(CLAIMS, REFUSED)


def test_a_claim_of_our_own_that_is_wrong_is_refused(cast: Cast) -> None:
    own = Own(cast)
    wrong: list[dict[str, Any]] = [
        {"jti": None}, {"sid": None}, {"sid": "x"}, {"sid": 5}, {"sid": "00000000-0000-0000-0000-000000000000"},
        {"sub": "999999"}, {"sub": "' OR 1=1"}, {"token_type": None}, {"token_type": "refresh"}, {"exp": 10**18},
    ]  # fmt: skip
    for claims in wrong:
        assert told(sent(own.signed(**claims))) == REFUSED, claims


def test_a_subject_that_nobody_can_have_is_refused(issuer: Issuer) -> None:
    for claims in ({"sub": ""}, {"sub": "x" * 256}, {"sub": "a\0b"}, {"sub": "\ud800"}, {"is_anonymous": True}):
        assert told(sent(issuer.token(**claims))) == REFUSED, claims
    assert not OutsideLogin.objects.exists()


def test_what_is_no_token_is_refused(issuer: Issuer) -> None:
    nonsense = ("", ".", "..", "a.b.c", "a.b", "null", "e30.e30.e30", "💥", "Bearer", "a b", "x" * LONGEST, "é" * 50)
    for token in nonsense:
        assert told(APIClient(HTTP_AUTHORIZATION=b"Bearer " + token.encode()).get(READ)) == REFUSED, token
        assert told(refreshed(token or "-")) == REFUSED, token


def test_a_token_that_is_too_long_is_refused_unread(maker: Maker) -> None:
    assert told(sent(maker.signed(padding="x" * LONGEST))) == REFUSED


def test_every_refusal_says_the_same_and_how_to_sign_in(maker: Maker) -> None:
    answers = [sent("a.b.c"), sent(maker.signed(exp=1)), sent(maker.signed(aud="x"))]
    assert len({answer.content for answer in answers}) == 1
    assert {answer["WWW-Authenticate"] for answer in answers} == {'Bearer realm="api"'}


def test_a_token_of_one_issuer_is_nothing_under_the_name_of_the_other(cast: Cast, issuer: Issuer) -> None:
    own, key = Own(cast), issuer.keys[0]
    stranger = Key.make("ES256")
    forged = [
        key.sign(own.claims),
        jwt.encode(issuer.claims(sub=str(cast.ada.pk)), settings.SECRET_KEY, "HS256", {"kid": key.kid}),
        own.signed({"kid": key.kid}, iss=issuer.url, aud="authenticated"),
        stranger.sign(issuer.claims(iss="https://other.example.org"), kid=key.kid),
        stranger.sign(issuer.claims(), kid=key.kid),
        key.sign(issuer.claims(iss="heirloom", aud="heirloom")),
    ]
    assert [told(sent(token)) for token in forged] == [REFUSED] * len(forged)


def test_a_number_in_an_outside_subject_names_no_login_of_ours(cast: Cast, issuer: Issuer) -> None:
    assert sent(issuer.token(sub=str(cast.ada.pk), app_metadata={})).status_code == 403
    assert OutsideLogin.objects.get().user_id != cast.ada.pk


def test_a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing(cast: Cast, issuer: Issuer) -> None:
    own = Own(cast)
    assert told(sent(own.pair.refresh)) == REFUSED
    assert [told(refreshed(token)) for token in (own.pair.access, issuer.token())] == [REFUSED] * 2
    assert not TokenFamily.objects.exclude(ended_at=None).exists()


@pytest.mark.parametrize("how", ["disabled", "another password", "must change it", "gone"])
def test_tokens_end_with_their_login(cast: Cast, how: str) -> None:
    own = Own(cast)
    if how == "gone":
        cast.cleo.delete()
    else:
        cast.cleo.is_active = how != "disabled"
        cast.cleo.must_change_password = how == "must change it"
        if how == "another password":
            cast.cleo.set_password("another long passphrase")
        cast.cleo.save()
    assert [told(sent(own.pair.access)), told(refreshed(own.pair.refresh))] == [REFUSED] * 2


def test_a_login_switched_off_here_is_out_whatever_its_issuer_says(cast: Cast, issuer: Issuer) -> None:
    token = issuer.token()
    assert sent(token).status_code == 200
    user = OutsideLogin.objects.get().user
    user.is_active = False
    user.save()
    assert [told(sent(token)), told(sent(issuer.token()))] == [REFUSED] * 2


def test_a_refresh_token_that_comes_again_ends_all_that_came_of_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "GRACE", families.GRACE * 0)
    first = APIClient().post(TOKEN, {"username": "cleo", "password": PASSWORD}, format="json").json()
    second = refreshed(first["refresh"]).json()
    assert told(refreshed(first["refresh"])) == REFUSED
    assert told(refreshed(second["refresh"])) == REFUSED
    assert [told(sent(pair["access"])) for pair in (first, second)] == [REFUSED] * 2
