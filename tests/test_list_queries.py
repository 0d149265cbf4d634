"""Every list costs the same queries, however long it is; a list that nobody counted fails."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from enrollment.models import Capture, Consent, Enrollment, FaceTemplate, Import, ImportRow, Person
from heirloom.accounts.services import create_login
from heirloom.api import families, keys
from heirloom.api.models import ApiKey
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.factors import services as factors
from heirloom.factors.models import UserSession
from heirloom.reviews import services as reviews
from heirloom.trust import services as trust
from heirloom.trust.models import Report
from heirloom.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from tests.doors import ADMIN, API, doors
from tests.house import House, build
from verification.models import Candidate, Verification

Grow = Callable[[House, int], Any]
MORE = 19


@pytest.fixture
def house(db: None, settings: Settings) -> House:
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    return build()


def people(house: House, count: int) -> None:
    made = Person.objects.bulk_create(Person(full_name=f"P {n}", department=f"D {n}") for n in range(count))
    Enrollment.objects.bulk_create(Enrollment(person=person, source="api") for person in made)


def captures(house: House, count: int) -> list[Capture]:
    verdict = {"at_s": None, "accepted": True, "reasons": [], "quality": 90.0, "template_id": str(uuid.uuid4())}
    return Capture.objects.bulk_create(
        Capture(
            subject=house.person.id, person=house.person, enrollment=house.visit, kind="image", mime="image/jpeg",
            source="api", size_bytes=1, verdicts=[verdict],
        )
        for _ in range(count)
    )  # fmt: skip


def consents(house: House, count: int) -> None:
    now = timezone.now()
    Consent.objects.bulk_create(
        Consent(
            person=house.person, policy_version="0", purpose="x", method="written", given_at=now, withdrawn_at=now,
            is_active=False, recorded_by=create_login(username=str(uuid.uuid4()), password="x", roles=("hr",)),
        )
        for _ in range(count)
    )  # fmt: skip


def templates(house: House, count: int) -> None:
    consent = house.person.consents.get(is_active=True)
    FaceTemplate.objects.bulk_create(
        FaceTemplate(person=house.person, consent=consent, capture=one, model="m", vector_sealed=b"x", quality=90)
        for one in captures(house, count)
    )


def verifications(house: House, count: int) -> None:
    for number in range(count):
        person = Person.objects.create(full_name=f"V {number}", employee_id=f"V-{number}-{uuid.uuid4()}")
        row = Verification.objects.create(
            owner=house.logins["client"], person=person, mode="verification", outcome="needs_review"
        )
        Candidate.objects.create(verification=row, person=person, rank=1, score=0.5, similarity=0.6)
        review = reviews.open_review(kind="verification", subject_id=row.id, reasons=("no_match",), risk=0.5)
        reviews.claim(review_id=review.id, reviewer=house.logins["admin"])


def of_one_person(house: House, count: int) -> None:
    """Fill the page of one person."""
    for grow in (templates, consents):
        grow(house, count)
    for _ in range(count):
        Verification.objects.create(person=house.person, mode="verification", outcome="approved")
        audit.record(action=Action.PERSON_UPDATED, subject_kind="person", subject_id=house.person.id)


def api_keys(house: House, count: int) -> None:
    people(house, 1)
    for _ in range(count):
        owner = create_login(username=str(uuid.uuid4()), password="x", roles=("client",))
        made = keys.create(owner=owner, name="x", actor=owner)
        ApiKey.objects.filter(pk=made.key.pk).update(person_ids=[house.person.id])


def webhooks(house: House, count: int) -> None:
    for _ in range(count):
        owner = create_login(username=str(uuid.uuid4()), password="x", roles=("client",))
        endpoint = WebhookEndpoint.objects.create(
            owner=owner, url="https://example.org/", events=[], secret_sealed=b"x"
        )
        delivered(endpoint)


def delivered(endpoint: WebhookEndpoint) -> None:
    WebhookDelivery.objects.create(
        endpoint=endpoint, event_id=uuid.uuid4(), type="webhook.test", payload="{}", job_id=uuid.uuid4(),
        state=DeliveryState.DELIVERED, finished_at=timezone.now(),
    )  # fmt: skip


def deliveries(house: House, count: int) -> None:
    for _ in range(count):
        delivered(house.things["cleo"].webhook)


def logins(house: House, count: int) -> None:
    for _ in range(count):
        create_login(username=str(uuid.uuid4()), password="x", roles=("hr", "reviewer"))


def events(house: House, count: int) -> None:
    for _ in range(count):
        audit.record(
            action=Action.PERSON_UPDATED, subject_kind="person", subject_id=uuid.uuid4(), actor=house.logins["hr"]
        )


def signed_in(house: House, count: int) -> None:
    hana = house.logins["hr"]
    for _ in range(count):
        factors.add_passkey(user=hana, name="A key", credential=b"not read by a list", count=0)
        UserSession.objects.create(user=hana, session_key=uuid.uuid4().hex, seen_at=timezone.now(), browser="Firefox")
        families.begin(user=hana)


def attempts(house: House, count: int) -> None:
    for number in range(count):
        type(house.attempt).objects.create(
            username=f"u{number}", ip_address="192.0.2.1", user_agent=str(uuid.uuid4()), failures_since_start=1
        )


def imports(house: House, count: int) -> None:
    Import.objects.bulk_create(Import(owner=house.logins["hr"], dry_run=True) for _ in range(count))


def lines(house: House, count: int) -> None:
    people(house, count)
    first = house.batch.rows.count()
    persons = Person.objects.order_by("-created_at")[:count]
    ImportRow.objects.bulk_create(
        ImportRow(batch=house.batch, table=1, line=first + n, verdict="accepted", person=person)
        for n, person in enumerate(persons, start=1)
    )


def trust_reports(house: House, count: int) -> None:
    """Tell the same report once more, of other nights."""
    told = Report.objects.first() or trust.make()
    Report.objects.bulk_create(
        Report(
            made_at=told.made_at - timedelta(days=Report.objects.count() + n), release=told.release, body=told.body,
            key_id=told.key_id, public_key=told.public_key, signature=told.signature,
        )
        for n in range(count)
    )  # fmt: skip


# What makes each list of the API longer.
API_LISTS: dict[str, Grow] = {
    "people/": people,
    "people/<pk>/captures/": captures,
    "people/<pk>/consents/": consents,
    "people/<pk>/templates/": templates,
    "verifications/": verifications,
    "reviews/": verifications,
    "webhooks/": webhooks,
    "webhooks/<pk>/deliveries/": deliveries,
    "deliveries/": webhooks,
    "api-keys/": api_keys,
    "imports/": imports,
    "imports/<pk>/rows/": lines,
}
# Answers that hold rows of their own, though they are no lists.
API_ROWS: dict[str, Grow] = {"enrollments/<pk>/": captures}
# Every page of the portal that shows rows; None: it shows none.
PAGES: dict[str, Grow | None] = {
    "/": people,
    "/people/": people,
    "/people/<person_id>/": of_one_person,
    "/people/enroll/": people,
    "/people/<person_id>/edit/": people,
    "/enrollments/<enrollment_id>/": captures,
    "/people/imports/": imports,
    "/people/imports/<import_id>/": lines,
    "/people/imports/new/": None,
    "/people/<person_id>/enroll/": None,
    "/people/<person_id>/erase/": None,
    "/people/<person_id>/face-verification/release/": None,
    "/people/<person_id>/consent/withdraw/": None,
    "/sign-in/": None,
    "/password/": None,
    "/security/": signed_in,
    "/security/code-app/": None,
}
# The lists of Django admin, by their model.
ADMIN_LISTS: dict[str, Grow] = {
    "accounts.user": logins,
    "api.apikey": api_keys,
    "audit.auditevent": events,
    "axes.accessattempt": attempts,
    "enrollment.person": people,
    "factors.secondfactor": signed_in,
    "reviews.review": verifications,
    "trust.report": trust_reports,
    "verification.verification": verifications,
    "webhooks.webhookendpoint": webhooks,
    "webhooks.webhookdelivery": webhooks,
}


def cost(client: Any, address: str) -> tuple[int, int]:
    """Return how many queries an address takes, and how many bytes it answers."""
    with CaptureQueriesContext(
        connection,
    ) as seen:
        answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return len(seen), len(answer.content)


def assert_constant(house: House, client: Any, address: str, grow: Grow) -> None:
    grow(house, 1)
    client.get(address)  # what is read once and kept is not counted
    queries, size = cost(client, address)
    grow(house, MORE)
    later, larger = cost(client, address)
    assert larger > size, f"{address} did not grow"
    assert later == queries, f"{address}: {queries} queries, {later} with {MORE} more rows"


@pytest.mark.parametrize("door", [*API_LISTS, *API_ROWS])
def test_a_list_of_the_api(house: House, door: str) -> None:
    address = house.address(f"{API}{door}", "admin")
    assert_constant(house, house.callers["admin"], address, {**API_LISTS, **API_ROWS}[door])


@pytest.mark.parametrize("door", [door for door, grow in PAGES.items() if grow])
def test_a_page_of_the_portal(house: House, door: str) -> None:
    grow = PAGES[door]
    assert grow is not None
    assert_constant(house, house.sessions["hr"], house.address(door, "hr"), grow)


@pytest.mark.parametrize("model", ADMIN_LISTS)
def test_a_list_of_django_admin(house: House, model: str) -> None:
    assert_constant(house, house.sessions["admin"], f"{ADMIN}{model.replace('.', '/')}/", ADMIN_LISTS[model])


def test_every_list_of_the_api_is_counted(house: House) -> None:
    found = set()
    for door in filter(lambda each: each.startswith(API), doors()):
        answer = house.callers["admin"].get(house.address(door, "admin"))
        if answer.status_code == 200 and answer.headers["Content-Type"] == "application/json":
            told = answer.json()
            if isinstance(told, list) or "results" in told:
                found.add(door.removeprefix(API))
    assert found == set(API_LISTS), "name in API_LISTS what makes each list of the API longer"


def test_every_page_of_the_portal_is_counted_or_said_to_have_no_rows(house: House) -> None:
    pages = {door for door in doors() if not door.startswith((API, ADMIN, "/transcoder/"))}
    answers = {door: house.sessions["hr"].get(house.address(door, "hr")) for door in pages}
    html = {door for door, answer in answers.items() if answer.headers["Content-Type"].startswith("text/html")}
    found = {door for door in html if answers[door].status_code == 200}
    assert found == set(PAGES), "name in PAGES what makes each page longer"


def test_every_list_of_django_admin_is_counted() -> None:
    assert {model._meta.label_lower for model in admin.site._registry} == set(ADMIN_LISTS)
