"""A client app does not learn from us who works here: numbers of nobody, of a suspended person and of one without a
face get the answers of a face that does not match. Staff are told what it was."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Capture, Person
from heirloom.audit.models import Action, AuditEvent
from heirloom.reviews import services as reviews
from heirloom.webhooks import services as webhooks
from heirloom.webhooks.models import WebhookDelivery
from tests.api.conftest import codes
from tests.cast import Cast, caller
from tests.pictures import b64, landscape, retaken
from tests.portraits import Portrait
from verification.models import FaceAttempts, Verification

URL, CHALLENGES = "/api/v1/verifications/", "/api/v1/challenges/"
CLAIMS: Mapping[str, Mapping[str, str]] = {
    "known": {"employee_id": "E-1"},
    "faceless": {"employee_id": "E-2"},
    "suspended": {"employee_id": "E-3"},
    "unknown": {"employee_id": "E-404"},
    "unknown to apps": {"person_id": "emp-404"},
}
TRUTH = {"known": "no_match", "faceless": "not_enrolled", "suspended": "person_suspended"}
PASSING = {"id", "created_at", "finished_at", "decided_at", "timings"}


@pytest.fixture(autouse=True)
def shipped(settings: Any) -> None:
    """The limits of an installation; other tests try as often as they like."""
    settings.FACE_FAILURES_PER_CALLER, settings.FACE_FAILURES_PER_PERSON = 5, 10


@pytest.fixture
def people(enrolled: dict[str, Any], portraits: dict[str, Portrait]) -> None:
    Person.objects.create(full_name="Faceless", employee_id="E-2")
    Person.objects.create(full_name="Suspended", employee_id="E-3", status="suspended")


def tried(client: APIClient, photo: bytes, work: Callable[[], None]) -> dict[str, dict[str, Any]]:
    """What a client app sees of one photo, claimed as everybody and nobody, each time as if it were the first."""
    waiting, done = {}, {}
    for name, claim in CLAIMS.items():
        answer = client.post(URL, {"image_base64": b64(photo), **claim}, format="json")
        assert answer.status_code == 202, answer.content
        link = answer.json()["links"]["self"]
        waiting[name] = client.get(link).json()
        work()
        done[name] = client.get(link).json()
        Capture.objects.filter(enrollment=None).delete()
    assert len({str(lasting(one)) for one in waiting.values()}) == 1
    return done


def lasting(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in PASSING}


@pytest.mark.usefixtures("people")
def test_all_claims_of_a_face_that_is_not_theirs_look_alike(
    cleo: APIClient, hana: APIClient, work: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    shown = tried(cleo, portraits["hopper"].jpeg, work)
    known = lasting(shown["known"])
    assert (known["outcome"], known["reasons"][0], known["person_id"]) == ("rejected", "no_match", None)
    for name, answer in shown.items():
        assert lasting(answer) == known, name
        assert set(answer["timings"]) == set(shown["known"]["timings"])
    for name, answer in shown.items():
        seen = hana.get(f"{URL}{answer['id']}/").json()
        assert seen["reasons"][0] == TRUTH.get(name, "person_unknown")
        assert (seen["person_id"] is not None) == (name in TRUTH)
    told = AuditEvent.objects.filter(action=Action.VERIFICATION_DECIDED).values_list("details__reasons__0", flat=True)
    assert sorted(told) == sorted([*TRUTH.values(), "person_unknown", "person_unknown"])


@pytest.mark.usefixtures("people")
def test_a_picture_without_a_face_fails_for_all_alike(
    cleo: APIClient, work: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    shown = tried(cleo, landscape(), work)
    assert {(one["outcome"], one["reasons"][0], one["person_id"]) for one in shown.values()} == {
        ("failed", "no_face", None)
    }


@pytest.mark.usefixtures("people")
def test_lists_and_webhooks_tell_claims_apart_no_better(
    cast: Cast,
    cleo: APIClient,
    hana: APIClient,
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    settings: Any,
) -> None:
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    webhooks.create(owner=cast.cleo, url="http://127.0.0.1:9/", events=["verification.decided"])
    tried(cleo, portraits["hopper"].jpeg, work)
    for name, claim in CLAIMS.items():
        assert len(cleo.get(URL, claim).json()["results"]) == 1, name
    assert len(cleo.get(URL, {"reason": "no_match"}).json()["results"]) == len(CLAIMS)
    for code in ("not_enrolled", "person_suspended", "person_unknown"):
        assert cleo.get(URL, {"reason": code}).json()["results"] == []
    assert len(hana.get(URL, {"reason": "person_unknown"}).json()["results"]) == 2
    payloads = [one.payload for one in WebhookDelivery.objects.all()]
    assert len(payloads) == len(CLAIMS)
    for payload in payloads:
        assert '"person_id":null' in payload
        assert '"no_match"' in payload


@pytest.mark.usefixtures("people")
def test_a_match_says_who_it_was(
    cleo: APIClient, enrolled: dict[str, Any], work: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    answer = cleo.post(
        URL, {"image_base64": b64(retaken(portraits["astronaut"], mirrored=True)), "employee_id": "E-1"}, format="json"
    )
    work()
    assert cleo.get(answer.json()["links"]["self"]).json()["person_id"] == enrolled["person_id"]


@pytest.mark.usefixtures("people")
def test_limits_meet_all_claims_alike(
    cleo: APIClient, work: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    met: dict[str, list[tuple[int, list[str], bool]]] = {name: [] for name in CLAIMS}
    for _ in range(5):
        tried(cleo, portraits["hopper"].jpeg, work)
    for suspended in (False, True):
        FaceAttempts.objects.update(suspended_at="2026-01-01T00:00:00Z" if suspended else None)
        for name, claim in CLAIMS.items():
            body = {"image_base64": b64(portraits["hopper"].jpeg), **claim}
            answer = cleo.post(URL, body, format="json")
            met[name].append((answer.status_code, codes(answer), "Retry-After" in answer.headers))
    for name, answers in met.items():
        assert answers == [(429, ["too_many_attempts"], True), (409, ["face_verification_suspended"], False)], name


@pytest.mark.usefixtures("people")
def test_challenges_are_issued_for_all_alike(cleo: APIClient) -> None:
    answers = {name: cleo.post(CHALLENGES, claim, format="json") for name, claim in CLAIMS.items()}
    assert {answer.status_code for answer in answers.values()} == {201}
    assert len({tuple(answer.json()) for answer in answers.values()}) == 1


@pytest.mark.usefixtures("people")
def test_nobody_is_approved_where_there_was_nobody_to_compare_with(
    cast: Cast, cleo: APIClient, work: Callable[[], None], portraits: dict[str, Portrait], settings: Any
) -> None:
    """A suspected attack under a number of nobody's waits like any other; no reviewer can make it that person's."""
    cleo.post(URL, {"image_base64": b64(portraits["hopper"].jpeg), "employee_id": "E-404"}, format="json")
    row = Verification.objects.get()
    work()
    Verification.objects.filter(pk=row.pk).update(outcome="needs_review", decision="pending")
    case = reviews.open_review(kind="verification", subject_id=row.pk, reasons=("presentation_attack",), risk=0.9)
    rhea = caller(cast.rhea)
    url = f"/api/v1/reviews/{case.pk}/verdict/"
    refused = rhea.post(url, {"verdict": "approved", "reason": "same_person"}, format="json")
    assert (refused.status_code, codes(refused)) == (422, ["not_enrolled"])
    assert rhea.post(url, {"verdict": "rejected", "reason": "attack_confirmed"}, format="json").status_code == 200
