"""A delivery arrives signed, is tried again until it does, and ends as a dead letter if it never does."""

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from heirloom.accounts.models import User
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from heirloom.webhooks import sending, services
from heirloom.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.webhooks.conftest import URL, made, sent_test
from tests.webhooks.receiver import Receiver, signed_by

Deliver = Callable[[], None]


def test_a_message_arrives_signed(cleo: APIClient, receiver: Receiver, deliver: Deliver) -> None:
    webhook = made(cleo, receiver.url())
    delivery = sent_test(cleo, webhook)
    deliver()
    (message,) = receiver.received
    assert message.path == "/hook?of=ours"
    assert signed_by(message, webhook["secret"])
    assert not signed_by(message, services.signing.new_secret())
    assert message.headers["webhook-id"] == str(delivery.event_id)
    assert abs(int(message.headers["webhook-timestamp"]) - time.time()) < 60
    event = json.loads(message.body)
    assert (event["type"], event["data"]) == ("webhook.test", {"webhook_id": webhook["id"]})
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.response_status) == ("delivered", 1, 200)
    assert (delivery.response_excerpt, delivery.failure) == ("thank you", "")
    assert delivery.payload.encode() == message.body


def test_what_fails_is_tried_again_with_the_same_id_and_bytes(
    cleo: APIClient, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.statuses = [500, 503]
    webhook = made(cleo, receiver.url())
    delivery = sent_test(cleo, webhook)
    for _ in range(3):
        deliver()
    assert len({(m.headers["webhook-id"], m.body) for m in receiver.received}) == 1
    assert len(receiver.received) == 3
    assert all(signed_by(message, webhook["secret"]) for message in receiver.received)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("delivered", 3)


def test_the_next_attempt_waits_for_its_time(cleo: APIClient, receiver: Receiver, deliver: Deliver) -> None:
    receiver.statuses = [500]
    delivery = sent_test(cleo, made(cleo, receiver.url()))
    deliver()
    delivery.refresh_from_db()
    assert delivery.next_try_at is not None
    assert timedelta(seconds=3) < delivery.next_try_at - timezone.now() < timedelta(seconds=6)
    waiting = Job.objects.get(pk=delivery.job_id)
    assert waiting.ring_at - waiting.created_at > timedelta(seconds=3.9)
    assert jobs.sweep().rung == 0


def test_pauses_add_up_to_about_a_day(db: None) -> None:
    assert timedelta(hours=20) < sum(services.PAUSES, timedelta()) < timedelta(hours=28)
    assert list(services.PAUSES) == sorted(services.PAUSES)


def test_what_never_arrives_ends_as_a_dead_letter_and_can_be_replayed(
    cleo: APIClient, receiver: Receiver, deliver: Deliver
) -> None:
    most = len(services.PAUSES) + 1
    receiver.statuses = [500] * most
    delivery = sent_test(cleo, made(cleo, receiver.url()))
    for _ in range(most + 2):
        deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.failure) == ("dead", most, "status")
    assert len(receiver.received) == most
    answer = cleo.post(f"/api/v1/deliveries/{delivery.id}/replay/")
    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (202, "pending", 0)
    deliver()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    assert receiver.received[-1].headers["webhook-id"] == receiver.received[0].headers["webhook-id"]


def test_a_replay_leaves_no_second_chain_of_attempts(cleo: APIClient, receiver: Receiver, deliver: Deliver) -> None:
    receiver.statuses = [500]
    delivery = sent_test(cleo, made(cleo, receiver.url()))
    deliver()
    delivery.refresh_from_db()
    before = delivery.job_id
    cleo.post(f"/api/v1/deliveries/{delivery.id}/replay/")
    jobs.run(job_id=before)
    assert len(receiver.received) == 1
    deliver()
    assert len(receiver.received) == 2


def test_a_redirect_is_not_followed(cleo: APIClient, receiver: Receiver, deliver: Deliver) -> None:
    with Receiver() as elsewhere:
        receiver.statuses, receiver.location = [307, 301], elsewhere.url()
        delivery = sent_test(cleo, made(cleo, receiver.url()))
        deliver()
        deliver()
        assert elsewhere.received == []
    delivery.refresh_from_db()
    assert (delivery.state, delivery.failure, delivery.response_status) == ("pending", "redirected", 301)


def test_an_endpoint_that_says_it_is_gone_is_switched_off(
    cleo: APIClient, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.statuses = [410]
    webhook = made(cleo, receiver.url())
    delivery = sent_test(cleo, webhook)
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.response_status) == ("dead", 410)
    assert cleo.get(f"{URL}{webhook['id']}/").json()["active"] is False


def test_little_of_a_long_answer_is_read_and_kept(cleo: APIClient, receiver: Receiver, deliver: Deliver) -> None:
    receiver.answer = b"\x00\xffno" * 5_000_000
    delivery = sent_test(cleo, made(cleo, receiver.url()))
    deliver()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    assert 0 < len(delivery.response_excerpt) <= sending.EXCERPT_CHARACTERS


def test_an_answer_that_drips_ends_in_time(
    cleo: APIClient, receiver: Receiver, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ATTEMPT_S", 0.3)
    receiver.drips_s = 0.05
    delivery = sent_test(cleo, made(cleo, receiver.url()))
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.failure, delivery.response_status) == ("pending", "timed_out", None)


def test_nobody_there_is_a_failed_attempt(cleo: APIClient, loopback: None, deliver: Deliver) -> None:
    with Receiver() as gone:
        url = gone.url()
    delivery = sent_test(cleo, made(cleo, url))
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.failure) == ("pending", "not_reached")


def test_while_a_secret_rotates_both_sign(cleo: APIClient, receiver: Receiver, deliver: Deliver) -> None:
    webhook = made(cleo, receiver.url())
    answer = cleo.post(f"{URL}{webhook['id']}/rotate/")
    assert answer["Cache-Control"] == "no-store"
    rotated = answer.json()
    sent_test(cleo, webhook)
    deliver()
    assert signed_by(receiver.received[0], webhook["secret"])
    assert signed_by(receiver.received[0], rotated["secret"])
    WebhookEndpoint.objects.update(old_secret_until=timezone.now())
    sent_test(cleo, webhook)
    deliver()
    assert not signed_by(receiver.received[1], webhook["secret"])
    assert signed_by(receiver.received[1], rotated["secret"])


@pytest.mark.parametrize("silence", ["switched off", "revoked", "its owner left"])
def test_what_should_be_silent_is_sent_nothing_more(
    cleo: APIClient, receiver: Receiver, deliver: Deliver, silence: str
) -> None:
    webhook = made(cleo, receiver.url())
    delivery = sent_test(cleo, webhook)
    if silence == "switched off":
        cleo.patch(f"{URL}{webhook['id']}/", {"active": False}, format="json")
    elif silence == "revoked":
        assert cleo.delete(f"{URL}{webhook['id']}/").status_code == 204
    else:
        User.objects.filter(username="cleo").update(is_active=False)
    deliver()
    delivery.refresh_from_db()
    assert (receiver.received, delivery.state, delivery.failure) == ([], "dead", "inactive")


def test_work_that_is_cut_off_three_times_counts_as_an_attempt(cleo: APIClient, receiver: Receiver) -> None:
    delivery = sent_test(cleo, made(cleo, receiver.url()))
    for _ in range(3):
        assert jobs.claim(job_id=delivery.job_id)
        Job.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert jobs.sweep().buried == 1
    after = WebhookDelivery.objects.get()
    assert (after.state, after.attempts, after.failure) == ("pending", 1, "interrupted")
    assert after.job_id != delivery.job_id
