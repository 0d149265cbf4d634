"""A real worker delivers what was written, and tries again what failed."""

import time
from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from heirloom.webhooks.models import WebhookDelivery
from tests.processes import Processes
from tests.webhooks.conftest import made, sent_test
from tests.webhooks.receiver import Receiver, signed_by

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def worker_to_loopback(processes: Processes, transactional_db: None) -> Iterator[None]:
    processes.worker(WEBHOOK_LOOPBACK_TARGETS="true")
    yield
    processes.stop("worker")
    processes.stop("beat")


def test_a_worker_delivers_and_tries_again(worker_to_loopback: None, cleo: APIClient, receiver: Receiver) -> None:
    receiver.statuses = [500]
    webhook = made(cleo, receiver.url())
    delivery = sent_test(cleo, webhook)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and WebhookDelivery.objects.get(pk=delivery.pk).state == "pending":
        time.sleep(0.2)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("delivered", 2)
    assert [signed_by(message, webhook["secret"]) for message in receiver.received] == [True, True]
    times = [int(message.headers["webhook-timestamp"]) for message in receiver.received]
    assert times[1] > times[0]
