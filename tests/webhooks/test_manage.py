"""Webhooks are made, changed and revoked by their owner or an admin; to anybody else they are not there."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from heirloom.audit.models import AuditEvent
from heirloom.webhooks import services
from heirloom.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.api.conftest import codes, unknown_id
from tests.cast import Cast, caller
from tests.portal.conftest import signed_in, text_of
from tests.webhooks.conftest import ALL, URL, made, sent_test
from tests.webhooks.receiver import Receiver


def test_a_secret_is_shown_once_and_kept_sealed(cleo: APIClient, receiver: Receiver) -> None:
    answer = cleo.post(URL, {"url": receiver.url(), "events": ["review.decided"]}, format="json")
    assert answer["Cache-Control"] == "no-store"
    secret = answer.json()["secret"]
    assert secret.startswith("whsec_")
    shown = cleo.get(f"{URL}{answer.json()['id']}/")
    assert secret not in shown.content.decode() + cleo.get(URL).content.decode()
    assert "secret" not in shown.json()
    assert secret.encode() not in bytes(WebhookEndpoint.objects.get().secret_sealed)


def test_a_repetition_by_its_key_makes_no_second_webhook(cleo: APIClient, receiver: Receiver) -> None:
    body, key = {"url": receiver.url(), "events": ["review.decided"]}, {"Idempotency-Key": "one"}
    first, second = (cleo.post(URL, body, format="json", headers=key) for _ in range(2))
    assert (first.status_code, first.json()) == (201, second.json())
    assert (second.headers["Idempotency-Replayed"], WebhookEndpoint.objects.count()) == ("true", 1)


def test_another_clients_webhooks_and_deliveries_are_not_there(
    cast: Cast, cleo: APIClient, ada: APIClient, receiver: Receiver
) -> None:
    webhook = made(cleo, receiver.url())
    delivery = sent_test(cleo, webhook)
    own, log = f"{URL}{webhook['id']}/", f"/api/v1/deliveries/{delivery.id}/"
    carl, hana = caller(cast.carl), caller(cast.hana)
    for other in (carl, hana):
        calls = [other.get(own), other.patch(own, {}, format="json"), other.delete(own), other.get(log)]
        calls += [other.post(f"{own}rotate/"), other.post(f"{own}test/"), other.get(f"{own}deliveries/")]
        calls += [other.post(f"{log}replay/")]
        assert {answer.status_code for answer in calls} == {404}
        assert other.get(URL).json()["results"] == other.get("/api/v1/deliveries/").json()["results"] == []
    for sees in (cleo, ada):
        assert [row["id"] for row in sees.get(f"{own}deliveries/").json()["results"]] == [str(delivery.id)]
        assert sees.get(log).json()["payload"]["type"] == "webhook.test"
    assert cleo.get(f"{URL}{unknown_id()}/").status_code == 404


def test_who_has_no_business_with_webhooks_is_refused(cast: Cast) -> None:
    for path in (URL, "/api/v1/deliveries/"):
        assert caller(cast.rhea).get(path).status_code == 403
        assert APIClient().get(path).status_code == 401


def test_a_change_names_what_it_changes_and_nothing_else(cast: Cast, cleo: APIClient, receiver: Receiver) -> None:
    webhook = made(cleo, receiver.url())
    body = {"description": "the gate", "events": ["review.decided"], "owner": "carl", "id": unknown_id()}
    answer = cleo.patch(f"{URL}{webhook['id']}/", body, format="json")
    assert (answer.status_code, answer.json()["description"]) == (200, "the gate")
    assert (answer.json()["owner"], answer.json()["id"], answer.json()["url"]) == (
        "cleo",
        webhook["id"],
        receiver.url(),
    )
    assert answer.json()["events"] == ["review.decided"]


def test_a_revoked_webhook_is_gone_with_its_key_but_not_its_log(cleo: APIClient, receiver: Receiver) -> None:
    webhook = made(cleo, receiver.url())
    delivery = sent_test(cleo, webhook)
    assert cleo.delete(f"{URL}{webhook['id']}/").status_code == 204
    assert cleo.get(f"{URL}{webhook['id']}/").status_code == 404
    assert cleo.get(f"/api/v1/deliveries/{delivery.id}/").status_code == 200
    answer = cleo.post(f"/api/v1/deliveries/{delivery.id}/replay/")
    assert (answer.status_code, codes(answer)) == (409, ["webhook_inactive"])
    endpoint = WebhookEndpoint.objects.get()
    with pytest.raises(services.crypto.KeyDestroyedError):
        services._unsealed(endpoint, services.SECRET)


def test_a_webhook_that_is_off_takes_no_test(cleo: APIClient, receiver: Receiver) -> None:
    webhook = made(cleo, receiver.url())
    cleo.patch(f"{URL}{webhook['id']}/", {"active": False}, format="json")
    answer = cleo.post(f"{URL}{webhook['id']}/test/")
    assert (answer.status_code, codes(answer)) == (409, ["webhook_inactive"])


def test_a_login_has_so_many_and_no_more(cleo: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_ENDPOINTS", 1)
    webhook = made(cleo, receiver.url())
    answer = cleo.post(URL, {"url": receiver.url(), "events": ["review.decided"]}, format="json")
    assert (answer.status_code, codes(answer)) == (409, ["too_many_webhooks"])
    cleo.delete(f"{URL}{webhook['id']}/")
    made(cleo, receiver.url())


def test_every_act_is_audited_without_the_address_or_the_secret(
    cleo: APIClient, receiver: Receiver, deliver: Callable[[], None]
) -> None:
    webhook = made(cleo, receiver.url())
    own = f"{URL}{webhook['id']}/"
    cleo.patch(own, {"description": "x"}, format="json")
    cleo.post(f"{own}rotate/")
    delivery = sent_test(cleo, webhook)
    cleo.post(f"/api/v1/deliveries/{delivery.id}/replay/")
    cleo.delete(own)
    events = AuditEvent.objects.filter(subject_kind="webhook").order_by("sequence")
    acts = ["created", "updated", "rotated", "tested", "replayed", "revoked"]
    assert [event.action for event in events] == [f"webhook.{act}" for act in acts]
    assert not any("whsec" in str(event.details) or "127.0.0.1" in str(event.details) for event in events)


def test_lists_take_few_queries(cleo: APIClient, receiver: Receiver, django_assert_max_num_queries: object) -> None:
    webhook = made(cleo, receiver.url())
    for _ in range(5):
        sent_test(cleo, webhook)
    for path in (URL, f"{URL}{webhook['id']}/deliveries/", "/api/v1/deliveries/"):
        with django_assert_max_num_queries(5):  # type: ignore[operator]
            assert cleo.get(path).status_code == 200


def test_admins_read_the_log_and_send_again_and_write_nothing(
    cast: Cast, ada: APIClient, receiver: Receiver, deliver: Callable[[], None]
) -> None:
    receiver.statuses = [410]
    webhook = made(ada, receiver.url(), ALL)
    delivery = sent_test(ada, webhook)
    deliver()
    ada.patch(f"{URL}{webhook['id']}/", {"active": True}, format="json")
    pages, log = signed_in(cast.ada), "/admin/webhooks/webhookdelivery/"
    assert "webhook.test" in text_of(pages.get(f"{log}{delivery.id}/change/"))
    assert receiver.url() in text_of(pages.get("/admin/webhooks/webhookendpoint/")).replace("&amp;", "&")
    assert pages.post(f"{log}{delivery.id}/change/", {"state": "delivered"}).status_code == 403
    assert pages.post(f"{log}{delivery.id}/delete/", {"post": "yes"}).status_code == 403
    answer = pages.post(log, {"action": "replay", "_selected_action": [str(delivery.id)]})
    assert answer.status_code == 302
    deliver()
    assert WebhookDelivery.objects.get().state == "delivered"
    assert signed_in(cast.rhea).get(log).status_code == 403
