"""A password alone opens nothing where a second factor is set up, at no door; losing it has a way out."""

import hashlib
import html
import json
import re
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.accounts.models import TryCount, User
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.factors import services as factors
from heirloom.factors import totp
from heirloom.factors.models import RecoveryCode, SecondFactor
from tests.api.conftest import codes
from tests.cast import PASSWORD, Cast
from tests.portal.conftest import signed_in, text_of

pytestmark = pytest.mark.django_db
TOKEN = "/api/v1/auth/token/"
EARLIER = -1


def app_of(user: User) -> bytes:
    """Set up a code app for a login, by the code of the half minute before, and return its secret."""
    factor = factors.begin_totp(user=user)
    secret = factors.secret_of(factor)
    assert factors.confirm_totp(factor=factor, code=code_of(secret, EARLIER))
    return secret


def code_of(secret: bytes, steps: int = 0) -> str:
    return totp.code(secret, int(time.time() // totp.STEP_S) + steps)


def password(client: Client, name: str = "hana", onward: str = "") -> Any:
    return client.post(f"/sign-in/?next={onward}", {"username": name, "password": PASSWORD, "next": onward})


def token(name: str = "hana", **more: str) -> Any:
    return APIClient().post(TOKEN, {"username": name, "password": PASSWORD, **more}, format="json")


@pytest.mark.parametrize(
    ("at", "code"), [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")]
)
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    """RFC 6238, appendix B."""
    assert totp.code(b"12345678901234567890", at // 30, digits=8) == code


def test_the_password_alone_opens_nothing(cast: Cast) -> None:
    secret, browser = app_of(cast.hana), Client()
    assert password(browser, onward="/people/").headers["Location"] == "/second-factor/"
    assert browser.get("/people/").headers["Location"].startswith("/sign-in/")
    wrong = browser.post("/second-factor/", {"code": "000000"})
    assert (wrong.status_code, "was not right" in text_of(wrong)) == (422, True)
    assert browser.get("/people/").status_code == 302
    assert browser.post("/second-factor/", {"code": code_of(secret)}).headers["Location"] == "/people/"
    assert browser.get("/people/").status_code == 200


def test_a_code_counts_once_and_for_its_half_minute(cast: Cast) -> None:
    secret = app_of(cast.hana)
    code = code_of(secret)
    assert factors.check(user=cast.hana, code=f"{code[:3]} {code[3:]}")
    assert not factors.check(user=cast.hana, code=code)
    assert not factors.check(user=cast.hana, code=code_of(secret, 5))
    assert not factors.check(user=cast.hana, code=code_of(secret, EARLIER))


def test_nobody_comes_to_the_second_step_without_a_password(cast: Cast) -> None:
    app_of(cast.hana)
    assert Client().get("/second-factor/").headers["Location"] == "/sign-in/"
    browser = Client()
    password(browser)
    cast.hana.set_password("another long passphrase")
    cast.hana.save()
    assert browser.get("/second-factor/").headers["Location"] == "/sign-in/"


def test_a_token_asks_for_a_code_too(cast: Cast) -> None:
    secret = app_of(cast.hana)
    assert (token().status_code, codes(token())) == (401, ["second_factor_required"])
    assert codes(token(otp="000000")) == ["second_factor_wrong"]
    code = code_of(secret)
    assert token(otp=code).status_code == 200
    assert codes(token(otp=code)) == ["second_factor_wrong"]
    assert token("cleo").status_code == 200


def test_the_administration_has_no_way_around(cast: Cast) -> None:
    app_of(cast.ada)
    browser = Client()
    password(browser, "ada", "/admin/")
    assert browser.get("/admin/").status_code == 302
    assert browser.post("/admin/login/", {"username": "ada", "password": PASSWORD}).status_code == 405


def test_guessing_codes_meets_a_limit_at_both_doors(cast: Cast) -> None:
    secret, browser = app_of(cast.hana), Client()
    password(browser)
    for _ in range(3):
        browser.post("/second-factor/", {"code": "000000"})
    for _ in range(2):
        token(otp="000000")
    assert browser.post("/second-factor/", {"code": code_of(secret)}).status_code == 429
    assert codes(token(otp=code_of(secret))) == ["too_many_tries"]
    TryCount.objects.all().delete()
    assert browser.post("/second-factor/", {"code": code_of(secret)}).status_code == 302


def test_a_required_role_does_nothing_before_one_is_set_up(cast: Cast, settings: Settings) -> None:
    settings.SECOND_FACTOR_ROLES = ["hr"]
    browser = Client()
    password(browser)
    assert browser.get("/people/").headers["Location"] == "/security/"
    assert "Your role asks for a second factor" in text_of(browser.get("/security/"))
    assert codes(token()) == ["second_factor_missing"]
    browser.get("/security/code-app/")
    secret = factors.secret_of(SecondFactor.objects.get())
    page = browser.post("/security/code-app/", {"code": code_of(secret)})
    assert text_of(page).count("<code>") == factors.RECOVERY_CODES
    assert browser.get("/people/").status_code == 200
    assert password(Client(), "rhea").headers["Location"] != "/second-factor/"
    browser.post(f"/security/factors/{SecondFactor.objects.get().id}/remove/")
    assert SecondFactor.objects.count() == 1


def test_recovery_codes_let_in_once_each(cast: Cast) -> None:
    app_of(cast.hana)
    made = factors.make_recovery_codes(user=cast.hana)
    assert token(otp=made[0].upper()).status_code == 200
    assert codes(token(otp=made[0])) == ["second_factor_wrong"]
    assert not factors.check(user=cast.ada, code=made[1])
    stored = str(list(RecoveryCode.objects.values()))
    assert not any(code in stored or code.replace("-", "") in stored for code in made)
    again = factors.make_recovery_codes(user=cast.hana)
    assert not factors.check(user=cast.hana, code=made[1])
    assert factors.check(user=cast.hana, code=again[1])


def test_the_secret_is_sealed_and_every_change_audited(cast: Cast) -> None:
    secret = app_of(cast.hana)
    assert secret not in bytes(SecondFactor.objects.get().sealed)
    factors.make_recovery_codes(user=cast.hana)
    factors.remove(factor=SecondFactor.objects.get(), actor=cast.hana)
    told = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
    assert told[-3:] == [Action.SECOND_FACTOR_ADDED, Action.RECOVERY_CODES_MADE, Action.SECOND_FACTOR_REMOVED]
    assert not RecoveryCode.objects.exists()
    assert audit.verify().intact


def test_another_administrator_resets_what_was_lost_and_all_that_is_open_ends(cast: Cast) -> None:
    secret, hana = app_of(cast.hana), Client()
    password(hana)
    hana.post("/second-factor/", {"code": code_of(secret)})
    assert hana.get("/people/").status_code == 200
    ada = signed_in(cast.ada)
    chosen = {"action": "reset", "_selected_action": [str(SecondFactor.objects.get().id)]}
    ada.post("/admin/factors/secondfactor/", chosen)
    assert not SecondFactor.objects.exists()
    assert hana.get("/people/").status_code == 302
    event = AuditEvent.objects.get(action=Action.SECOND_FACTOR_RESET)
    assert event.actor_id == str(cast.ada.pk)


def test_nobody_resets_their_own(cast: Cast) -> None:
    app_of(cast.ada)
    ada = signed_in(cast.ada)
    chosen = {"action": "reset", "_selected_action": [str(SecondFactor.objects.get().id)]}
    ada.post("/admin/factors/secondfactor/", chosen)
    assert SecondFactor.objects.exists()


def test_nobody_removes_somebody_elses(cast: Cast) -> None:
    app_of(cast.hana)
    assert signed_in(cast.ada).post(f"/security/factors/{SecondFactor.objects.get().id}/remove/").status_code == 404


def test_a_code_of_the_app_confirms_a_grave_act(cast: Cast) -> None:
    secret, hana = app_of(cast.hana), signed_in(cast.hana)
    session = hana.session
    session["confirmed_at"] = 0
    session.save()
    assert hana.post("/security/recovery-codes/").status_code == 403
    assert hana.post("/security/recovery-codes/", {"confirm_password": code_of(secret)}).status_code == 200


class Key:
    """A security key of ES256, as a browser would speak of it (WebAuthn, 6)."""

    def __init__(self, origin: str = "http://localhost", host: str = "localhost") -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.origin, self.host_hash, self.id = origin, hashlib.sha256(host.encode()).digest(), b"key" * 8
        self.count = 1

    def made(self, options: dict[str, Any]) -> str:
        held = AttestedCredentialData.create(
            Aaguid.NONE, self.id, ES256.from_cryptography_key(self.private.public_key())
        )
        told = AuthenticatorData.create(self.host_hash, 0x45, self.count, held)
        return self._answer(
            {
                "clientDataJSON": websafe_encode(self._client_data("webauthn.create", options)),
                "attestationObject": websafe_encode(bytes(AttestationObject.create("none", told, {}))),
            }
        )

    def shown(self, options: dict[str, Any]) -> str:
        self.count += 1
        told, client_data = (
            AuthenticatorData.create(self.host_hash, 0x05, self.count),
            self._client_data("webauthn.get", options),
        )
        signature = self.private.sign(bytes(told) + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client_data),
                "authenticatorData": websafe_encode(bytes(told)),
                "signature": websafe_encode(signature),
            }
        )

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _answer(self, response: dict[str, str]) -> str:
        known = websafe_encode(self.id)
        return json.dumps({"id": known, "rawId": known, "type": "public-key", "response": response})


def options_of(page: Any, name: str) -> dict[str, Any]:
    found = re.search(rf'{name}="([^"]+)"', page.content.decode())
    assert found is not None
    return dict(json.loads(html.unescape(found[1])))


AT = {"HTTP_HOST": "localhost"}


def with_passkey(user: User) -> Key:
    browser, key = signed_in(user), Key()
    options = options_of(browser.get("/security/passkey/", **AT), "data-passkey-create")
    page = browser.post("/security/passkey/", {"passkey": key.made(options), "name": "My key"}, **AT)
    assert "recovery codes" in text_of(page)
    return key


def asked_for(key: Key) -> tuple[Client, str]:
    browser = Client(**AT)
    password(browser)
    return browser, key.shown(options_of(browser.get("/second-factor/"), "data-passkey-get"))


def test_a_passkey_opens(cast: Cast) -> None:
    key = with_passkey(cast.hana)
    browser, answer = asked_for(key)
    assert browser.post("/second-factor/", {"passkey": answer}).status_code == 302
    assert browser.get("/people/").status_code == 200
    assert codes(token()) == ["second_factor_required"]


def test_an_answer_of_another_page_another_key_or_another_time_opens_nothing(cast: Cast) -> None:
    key = with_passkey(cast.hana)
    _, old = asked_for(key)
    browser, _ = asked_for(key)
    assert browser.post("/second-factor/", {"passkey": old}).status_code == 422
    key.origin = "http://evil.example"
    browser, elsewhere = asked_for(key)
    assert browser.post("/second-factor/", {"passkey": elsewhere}).status_code == 422
    browser, other = asked_for(Key())
    assert browser.post("/second-factor/", {"passkey": other}).status_code == 422
    assert browser.post("/second-factor/", {"passkey": "no json"}).status_code == 422


def test_a_copy_of_a_passkey_whose_count_stands_still_opens_nothing(cast: Cast) -> None:
    key = with_passkey(cast.hana)
    browser, answer = asked_for(key)
    browser.post("/second-factor/", {"passkey": answer})
    key.count = 1
    browser, answer = asked_for(key)
    assert browser.post("/second-factor/", {"passkey": answer}).status_code == 422
