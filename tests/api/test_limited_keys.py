"""A key that may find only some people learns nothing of the others."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Person
from enrollment.services import people
from heirloom.accounts.limits import GalleryLimit
from heirloom.api import keys
from heirloom.decision.attack import REUSE
from tests.api.conftest import CONSENT, unknown_id
from tests.cast import Cast, caller, key_caller
from tests.pictures import b64, retaken
from tests.portraits import Portrait
from verification.models import Candidate, Challenge, Verification

RECOGNIZE, VERIFY, CHALLENGE = "/api/v1/recognize/", "/api/v1/verifications/", "/api/v1/challenges/"
NOBODY = GalleryLimit(departments=frozenset({"Nobody's department"}))


@pytest.fixture
def issue(cast: Cast) -> Callable[..., tuple[keys.Issued, APIClient]]:
    """Make a key of Cleo's with these limits; give it and a client that sends it."""
    cast.cleo.scopes = ["identify", "evidence:read"]
    cast.cleo.save()

    def issued(limit: GalleryLimit | None) -> tuple[keys.Issued, APIClient]:
        made = keys.create(owner=cast.cleo, name="x", actor=cast.cleo, scopes=cast.cleo.scopes, gallery=limit)
        return made, key_caller(made.secret)

    return issued


@pytest.fixture
def both(hana: APIClient, enrolled: dict[str, Any], portraits: dict[str, Portrait]) -> tuple[Person, Person]:
    """Eileen of Flight and Grace of Computing, both enrolled."""
    body = {
        "full_name": "Grace Hopper",
        "employee_id": "E-2",
        "department": "Computing",
        "images": [b64(portraits["hopper"].jpeg)],
        "consent": CONSENT,
    }
    assert hana.post("/api/v1/register-multiple/", body, format="json").status_code == 201
    Person.objects.filter(employee_id="E-1").update(department="Flight")
    return Person.objects.get(employee_id="E-1"), Person.objects.get(employee_id="E-2")


def found(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [match["employee_id"] for match in answer.json()["matches"]]


def test_a_search_finds_only_whom_the_key_may_find(
    issue: Callable[..., Any], both: tuple[Person, Person], portraits: dict[str, Portrait]
) -> None:
    eileen, grace = both
    photo = {"face_image_base64": b64(retaken(portraits["astronaut"]))}
    for limit in (GalleryLimit(frozenset({grace.id})), GalleryLimit(departments=frozenset({"Computing"})), NOBODY):
        client = issue(limit)[1]
        for gallery in ({}, {"gallery": {"person_ids": [str(eileen.id)]}}, {"gallery": {"department": "Flight"}}):
            assert found(client.post(RECOGNIZE, photo | gallery, format="json")) == []
    for limit in (GalleryLimit(frozenset({eileen.id})), GalleryLimit(departments=frozenset({"Flight"})), None):
        assert found(issue(limit)[1].post(RECOGNIZE, photo, format="json")) == ["E-1"]


@pytest.mark.parametrize("door", ["recognize", "verifications"])
def test_a_search_done_later_has_no_candidate_beyond_the_limit(
    issue: Callable[..., Any],
    both: tuple[Person, Person],
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    door: str,
) -> None:
    photo = b64(retaken(portraits["astronaut"]))
    bodies = {
        "recognize": {"face_image_base64": photo, "processing_mode": "async", "similarity_threshold": 0},
        "verifications": {"image_base64": photo},
    }
    client = issue(GalleryLimit(departments=frozenset({"Computing"})))[1]
    accepted = client.post(f"/api/v1/{door}/", bodies[door], format="json")
    assert accepted.status_code == 202, accepted.content
    work()
    result = client.get(accepted.json()["links"]["self"]).json()
    assert [one.person_id for one in Candidate.objects.all()] == [both[1].id]
    assert "no_match" in result["reasons"]
    assert result["candidates"] == [], "whoever is nearest without being it"


def test_a_limit_set_while_a_search_waits_holds_for_it(
    cast: Cast,
    issue: Callable[..., Any],
    both: tuple[Person, Person],
    work: Callable[[], None],
    portraits: dict[str, Portrait],
) -> None:
    issued, client = issue(None)
    accepted = client.post(VERIFY, {"image_base64": b64(retaken(portraits["astronaut"]))}, format="json")
    keys.update(key=issued.key, actor=cast.cleo, gallery=GalleryLimit(frozenset({both[1].id})))
    work()
    assert client.get(accepted.json()["links"]["self"]).json()["candidates"] == []
    assert [one.person_id for one in Candidate.objects.all()] == [both[1].id]


@pytest.mark.parametrize("url", [VERIFY, CHALLENGE])
def test_whom_the_key_may_not_find_is_not_there_to_be_claimed(
    issue: Callable[..., Any], portraits: dict[str, Portrait], url: str
) -> None:
    other = people.create_person(
        full_name="Grace Hopper", employee_id="E-2", external_id="emp-2", status="suspended", actor=None
    )
    client = issue(NOBODY)[1]
    photo = {"image_base64": b64(retaken(portraits["astronaut"]))}
    for named in ({"employee_id": "E-2"}, {"person_id": "emp-2"}, {"person_id": str(other.id)}):
        field = next(iter(named))
        answer = client.post(url, photo | named, format="json")
        unknown = client.post(url, photo | {field: unknown_id()}, format="json")
        assert answer.status_code == unknown.status_code == (202 if url == VERIFY else 201)
        assert answer.json().keys() == unknown.json().keys()
    assert not Verification.objects.exclude(person=None).exists()
    assert not Challenge.objects.exclude(person=None).exists()


def test_the_limit_follows_a_person_into_and_out_of_a_department(issue: Callable[..., Any]) -> None:
    grace = people.create_person(full_name="Grace Hopper", employee_id="E-2", department="Computing", actor=None)
    client = issue(GalleryLimit(departments=frozenset({"Computing"})))[1]
    claim = {"employee_id": "E-2"}
    assert client.post(CHALLENGE, claim, format="json").status_code == 201
    people.update_person(person=grace, actor=None, department="Flight")
    assert client.post(CHALLENGE, claim, format="json").status_code == 201
    assert list(Challenge.objects.order_by("issued_at").values_list("person", flat=True)) == [grace.id, None]


def test_only_what_the_key_asked_for_and_names_nobody_else_is_seen(cast: Cast, issue: Callable[..., Any]) -> None:
    mine, other = (people.create_person(full_name=name, actor=None) for name in ("Grace", "Eileen"))
    issued, client = issue(GalleryLimit(frozenset({mine.id})))

    def row(candidate: Person | None = None, **more: Any) -> Verification:
        given = {"owner": cast.cleo, "api_key": issued.key, "mode": "identification", "outcome": "rejected", **more}
        made = Verification.objects.create(**given)
        if candidate:
            Candidate.objects.create(verification=made, person=candidate, rank=1, score=0.5)
        return made

    seen = [row(mine), row(), row(person=mine, mode="verification")]
    unseen = [row(other), row(person=other, mode="verification"), row(mine, api_key=None), row(mine, owner=cast.carl)]
    assert {one["id"] for one in client.get(VERIFY).json()["results"]} == {str(one.id) for one in seen}
    assert {client.get(f"{VERIFY}{one.id}/").status_code for one in unseen} == {404}
    assert {client.get(f"{VERIFY}{one.id}/frames/0/").status_code for one in unseen} == {404}
    assert len(caller(cast.cleo).get(VERIFY).json()["results"]) == 6


def test_where_a_picture_was_seen_before_is_not_told(cast: Cast, issue: Callable[..., Any]) -> None:
    signal = {"detector": REUSE, "outcome": "attack", "score": 1.0, "why": "file_enrolled", "detail": "of 1 Jan"}
    shown = []
    for limit in (None, NOBODY):
        issued, client = issue(limit)
        given = {"owner": cast.cleo, "api_key": issued.key, "mode": "identification", "outcome": "needs_review"}
        made = Verification.objects.create(**given, signals=[signal], attack_outcome="attack", attack_score=1.0)
        shown.append(client.get(f"{VERIFY}{made.id}/").json())
    assert shown[0]["signals"] == [signal]
    assert shown[1]["signals"] == [{**signal, "score": None, "why": "", "detail": ""}]
    assert [one["attack"]["score"] for one in shown] == [1.0, None]


def test_a_list_costs_the_same_queries_however_long(
    cast: Cast, issue: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    issued, client = issue(NOBODY)
    client.get(VERIFY)
    for number in range(3):
        Verification.objects.create(owner=cast.cleo, api_key=issued.key, mode="identification", outcome="rejected")
        with django_assert_num_queries(4):
            assert len(client.get(VERIFY).json()["results"]) == number + 1
