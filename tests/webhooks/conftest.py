from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_django
from rest_framework.test import APIClient

from heirloom.jobs import services as jobs
from heirloom.webhooks.models import DeliveryState, WebhookDelivery
from tests.cast import Cast, caller, make_cast
from tests.webhooks.receiver import Receiver

URL = "/api/v1/webhooks/"
ALL = ["verification.decided", "review.decided", "person.enrolled", "person.erased"]


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def cleo(cast: Cast) -> APIClient:
    return caller(cast.cleo)


@pytest.fixture
def ada(cast: Cast) -> APIClient:
    return caller(cast.ada)


@pytest.fixture
def loopback(settings: pytest_django.Settings) -> None:
    settings.WEBHOOK_LOOPBACK_TARGETS = True


@pytest.fixture
def receiver(loopback: None) -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def deliver() -> Callable[[], None]:
    """Attempt once each delivery that waits, whenever its next attempt would be."""

    def attempt() -> None:
        for delivery in WebhookDelivery.objects.filter(state=DeliveryState.PENDING):
            jobs.run(job_id=delivery.job_id)

    return attempt


def made(client: APIClient, url: str, events: list[str] | None = None) -> dict[str, Any]:
    """Make a webhook and return the answer."""
    answer = client.post(URL, {"url": url, "events": events or ["verification.decided"]}, format="json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def sent_test(client: APIClient, webhook: dict[str, Any]) -> WebhookDelivery:
    """Have a test event written for a webhook."""
    answer = client.post(f"{URL}{webhook['id']}/test/")
    assert answer.status_code == 202, answer.content
    return WebhookDelivery.objects.get(pk=answer.json()["id"])
