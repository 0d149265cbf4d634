"""What a key opens: nothing of its owner's roles, nothing beyond its scopes, and for every bad one the same 401."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.throttling import SimpleRateThrottle

from enrollment.services import people
from heirloom.accounts.services import create_login
from heirloom.api import keys
from heirloom.api.models import ApiKey
from heirloom.audit import services as audit
from heirloom.audit.models import AuditEvent
from heirloom.audit.sign_ins import NOBODY
from tests.cast import PASSWORD, Cast, caller, key_caller

READ = "/api/v1/verifications/"
PEOPLE = "/api/v1/people/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgotten() -> None:
    cache.clear()


@pytest.fixture
def issued(cast: Cast) -> keys.Issued:
    return keys.create(owner=cast.cleo, name="Kiosk", actor=cast.cleo)


def spoil(issued: keys.Issued, how: str) -> str:
    """Return what is sent instead of the key, or the key after it ended."""
    key, secret = issued.key, issued.secret
    if how == "revoked":
        keys.revoke(key=key, actor=key.owner)
    elif how == "expired":
        ApiKey.objects.update(expires_at=timezone.now())
    elif how == "owner_disabled":
        key.owner.is_active = False
        key.owner.save()
    elif how == "owner_no_client":
        key.owner.groups.clear()
    return {
        "malformed": "nonsense",
        "unknown": f"hl_{'a' * 12}_{secret.split('_', 2)[2]}",
        "wrong": f"hl_{key.prefix}_{'A' * 43}",
    }.get(how, secret)


REASONS = ("malformed", "unknown", "wrong", "revoked", "expired", "owner_disabled", "owner_no_client")


@pytest.mark.parametrize("how", REASONS)
def test_every_bad_key_is_told_the_same_and_the_log_the_reason(issued: keys.Issued, how: str) -> None:
    answer = key_caller(spoil(issued, how)).get(READ)
    told = answer.json()["errors"][0]
    assert (answer.status_code, answer.json()["type"], told["code"]) == (401, "client_error", "invalid_api_key")
    assert answer.content == key_caller("another").get(READ).content
    event = AuditEvent.objects.get(action="api_key.refused", details={"reason": how})
    assert event.subject_id == (NOBODY if how in {"malformed", "unknown"} else issued.key.id)
    assert audit.verify().intact


def test_a_prefix_alone_or_more_than_a_key_opens_nothing(issued: keys.Issued) -> None:
    for sent in ("", f"hl_{issued.key.prefix}_", issued.secret + "x", issued.secret + "\n", issued.secret.upper()):
        with pytest.raises(keys.KeyRefusedError):
            keys.holder(sent)


def test_roles_of_the_owner_do_not_come_with_the_key(cast: Cast) -> None:
    both = create_login(username="bo", password=PASSWORD, roles=("client", "hr", "admin"), scopes=("identify",))
    client = key_caller(keys.create(owner=both, name="x", actor=both).secret)
    assert caller(both).get(PEOPLE).status_code == 200
    assert client.get(PEOPLE).status_code == client.get("/api/v1/reviews/").status_code == 403
    assert client.post("/api/v1/recognize/", {}, format="json").status_code == 403


def test_a_key_has_no_events_sent_anywhere(issued: keys.Issued) -> None:
    client = key_caller(issued.secret)
    hook = {"url": "https://hooks.example.org/", "events": ["verification.decided"]}
    assert client.post("/api/v1/webhooks/", hook, format="json").status_code == 403
    assert client.get("/api/v1/webhooks/").status_code == client.get("/api/v1/deliveries/").status_code == 403


def test_an_idempotency_key_repeats_no_answer_to_another_api_key(cast: Cast, issued: keys.Issued) -> None:
    people.create_person(full_name="Grace Hopper", employee_id="E-2", actor=None)
    other = keys.create(owner=cast.cleo, name="x", actor=cast.cleo)

    def asked(secret: str) -> str:
        client = key_caller(secret)
        sent = {"data": {"employee_id": "E-2"}, "format": "json", "headers": {"Idempotency-Key": "once"}}
        return str(client.post("/api/v1/challenges/", **sent).json()["id"])

    first = asked(issued.secret)
    assert asked(issued.secret) == first
    assert asked(other.secret) != first


def test_scopes_are_those_that_both_key_and_owner_hold(cast: Cast) -> None:
    cast.cleo.scopes = ["identify", "evidence:read"]
    cast.cleo.save()
    secret = keys.create(owner=cast.cleo, name="x", actor=cast.cleo, scopes=["identify"]).secret
    assert keys.holder(secret).scopes == ["identify"]
    cast.cleo.scopes = ["evidence:read"]
    cast.cleo.save()
    assert keys.holder(secret).scopes == []


def test_a_use_is_noted_once_a_minute(issued: keys.Issued) -> None:
    client = key_caller(issued.secret)
    client.get(READ)
    first = ApiKey.objects.get().last_used_at
    client.get(READ)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    client.get(READ)
    assert ApiKey.objects.get().last_used_at > timezone.now() - timedelta(seconds=60)


def test_a_bad_key_is_not_noted_as_used(issued: keys.Issued) -> None:
    key_caller(spoil(issued, "wrong")).get(READ)
    assert ApiKey.objects.get().last_used_at is None


def test_a_refusal_is_audited_once_a_while_for_each_address(issued: keys.Issued) -> None:
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        key_caller(spoil(issued, "wrong"), REMOTE_ADDR=address).get(READ)
    assert AuditEvent.objects.filter(action="api_key.refused").count() == 2


def test_guessing_is_slowed_without_locking_whoever_has_the_key(
    issued: keys.Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "refused-key", "3/min")
    guesser = key_caller(spoil(issued, "wrong"))
    assert [guesser.get(READ).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    assert "Retry-After" in guesser.get(READ)
    assert key_caller(issued.secret).get(READ).status_code == 200
    assert key_caller("other", REMOTE_ADDR="10.0.0.9").get(READ).status_code == 401


def test_each_key_is_a_caller_of_its_own_to_the_throttle(
    cast: Cast, issued: keys.Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = keys.create(owner=cast.cleo, name="x", actor=cast.cleo)
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "caller", "2/min")
    statuses = [[key_caller(one.secret).get(READ).status_code for _ in range(3)] for one in (issued, other)]
    assert statuses == [[200, 200, 429], [200, 200, 429]]


def test_what_was_done_with_a_key_names_it_in_the_log(cast: Cast, issued: keys.Issued) -> None:
    person = people.create_person(full_name="Grace Hopper", actor=None)
    given = {"person_id": str(person.id)}
    assert key_caller(issued.secret).post("/api/v1/challenges/", given, format="json").status_code == 201
    event = AuditEvent.objects.get(action="challenge.issued")
    assert (event.actor_id, event.details["api_key"]) == (str(cast.cleo.pk), str(issued.key.id))


def test_the_schema_names_the_key_beside_the_token() -> None:
    schema = SchemaGenerator().get_schema(public=True)
    assert schema["components"]["securitySchemes"]["apiKey"]["name"] == "X-API-Key"
    ways = [next(iter(way)) for way in schema["paths"]["/api/v1/detect/"]["post"]["security"]]
    assert ways == ["jwtAuth", "apiKey"]


def test_a_narrowed_caller_is_not_the_login_itself(cast: Cast, issued: keys.Issued) -> None:
    narrowed = keys.holder(issued.secret)
    assert (narrowed.pk, narrowed.has_role("client"), narrowed.has_role("admin")) == (cast.cleo.pk, True, False)
    assert narrowed.api_key_id == issued.key.id
    assert cast.cleo.api_key_id is None
