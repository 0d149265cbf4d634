"""Events are written with what they tell of, for those who may know it."""

import json
import uuid
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from enrollment.models import Person
from heirloom.accounts.models import User
from heirloom.portal.erasure import erase_person
from heirloom.reviews import services as reviews
from heirloom.webhooks import services, targets
from heirloom.webhooks.models import EventType, WebhookDelivery
from tests.cast import Cast
from tests.webhooks.conftest import ALL
from verification.models import Verification
from verification.services import verifications


@pytest.fixture(autouse=True)
def any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent here, so no name server is asked."""
    monkeypatch.setattr(targets, "resolve", lambda _url: ("93.184.215.14",))


def listen(owner: User, events: list[str]) -> None:
    services.create(owner=owner, url="https://hooks.example.org/", events=events)


def told() -> dict[str, list[str]]:
    """Return who was told of what, in the order of the alphabet."""
    found: dict[str, list[str]] = {}
    for delivery in WebhookDelivery.objects.select_related("endpoint__owner").order_by("type"):
        found.setdefault(delivery.endpoint.owner.username, []).append(delivery.type)
    return found


def data_of(event: EventType) -> dict[str, Any]:
    delivery = WebhookDelivery.objects.filter(type=event).first()
    assert delivery is not None
    assert set(json.loads(delivery.payload)) == {"type", "timestamp", "data"}
    return dict(json.loads(delivery.payload)["data"])


def doubtful(owner: User, person: Person | None = None) -> Verification:
    row = Verification.objects.create(owner=owner, mode="verification", outcome="needs_review", person=person)
    reviews.open_review(kind="verification", subject_id=row.id, reasons=("no_match",), risk=0.4)
    return row


def decide(cast: Cast, verification: Verification, comment: str = "") -> None:
    from heirloom.reviews.models import Review

    case = Review.objects.get(subject_id=verification.id)
    reviews.decide(
        review_id=case.id, reviewer=cast.rhea, verdict="approved", reason_code="same_person", comment=comment
    )


def test_a_verdict_tells_the_client_app_and_hr(cast: Cast) -> None:
    own = ["verification.decided", "review.decided"]
    for owner, events in ((cast.cleo, own), (cast.carl, own), (cast.hana, ALL), (cast.ada, ALL)):
        listen(owner, events)
    verification = doubtful(cast.cleo)
    assert told() == {}
    decide(cast, verification)
    both = ["review.decided", "verification.decided"]
    assert told() == {"cleo": both, "hana": both, "ada": both}
    assert data_of(EventType.VERIFICATION_DECIDED) == {
        "verification_id": str(verification.id),
        "person_id": None,
        "mode": "verification",
        "outcome": "needs_review",
        "decision": "approved",
        "reasons": [],
    }
    review = data_of(EventType.REVIEW_DECIDED)
    assert (review["verdict"], review["reason"]) == ("approved", "same_person")
    assert review["subject_id"] == str(verification.id)


def test_what_the_machine_decides_is_told_at_once(cast: Cast) -> None:
    listen(cast.cleo, ["verification.decided"])
    verification = Verification.objects.create(owner=cast.cleo, mode="verification")
    verifications.fail(verification_id=verification.id, code="no_face")
    data = data_of(EventType.VERIFICATION_DECIDED)
    assert (data["outcome"], data["decision"], data["reasons"]) == ("failed", "rejected", ["no_face"])


def test_one_event_has_one_id_for_all(cast: Cast) -> None:
    listen(cast.hana, ALL)
    listen(cast.ada, ALL)
    services.emit(EventType.PERSON_ENROLLED, {"person_id": uuid.uuid4()})
    assert len(set(WebhookDelivery.objects.values_list("event_id", "payload"))) == 1
    assert WebhookDelivery.objects.count() == 2


def test_what_is_undone_is_told_to_nobody(cast: Cast) -> None:
    listen(cast.cleo, ["verification.decided"])
    verification = doubtful(cast.cleo)
    with transaction.atomic():
        decide(cast, verification)
        assert WebhookDelivery.objects.exists()
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.exists()


def test_a_login_that_lost_its_role_or_left_is_told_nothing(cast: Cast) -> None:
    listen(cast.hana, ALL)
    listen(cast.cleo, ["verification.decided"])
    cast.hana.groups.clear()
    User.objects.filter(pk=cast.cleo.pk).update(is_active=False)
    decide(cast, doubtful(cast.cleo))
    assert told() == {}


def test_erasing_tells_an_id_and_leaves_no_payload_with_a_name(cast: Cast) -> None:
    listen(cast.hana, ALL)
    person = Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1", external_id="eileen.astronaut")
    decide(cast, doubtful(cast.cleo, person), comment="Eileen Astronaut, seen at the desk")
    erase_person(person=person, actor=cast.hana)
    assert data_of(EventType.PERSON_ERASED) == {"person_id": str(person.id)}
    everything = " ".join(WebhookDelivery.objects.values_list("payload", flat=True)).lower()
    assert "eileen" not in everything
    assert 'e-1"' not in everything


def test_a_delivery_waits_in_the_queue_io(cast: Cast) -> None:
    from heirloom.jobs.models import Job

    listen(cast.hana, ALL)
    services.emit(EventType.PERSON_ENROLLED, {"person_id": uuid.uuid4()})
    job = Job.objects.get(kind="webhook")
    assert (job.queue, job.id) == ("io", WebhookDelivery.objects.get().job_id)
    assert WebhookDelivery.objects.get().created_at <= timezone.now()


@pytest.mark.parametrize("events", [["person.enrolled"], ["verification.decided", "person.erased"]])
def test_a_client_app_cannot_ask_for_people(cleo: APIClient, events: list[str]) -> None:
    answer = cleo.post("/api/v1/webhooks/", {"url": "https://hooks.example.org/", "events": events}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "events")
