"""GET verifications/: filters, and what a list costs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils.http import urlencode
from rest_framework.test import APIClient

from enrollment.models import Person
from tests.api.conftest import unknown_id
from tests.cast import Cast, caller
from verification.api.filters import narrowed
from verification.api.serializers import VerificationRowSerializer, VerificationSerializer
from verification.models import Candidate, Verification

URL = "/api/v1/verifications/"
DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def rows(cast: Cast) -> dict[str, Verification]:
    """Three of them, on three days: a match of Ada, a stranger at Ben's name, and a search under way."""
    ada = Person.objects.create(full_name="Ada", employee_id="E-1", external_id="emp-001")
    ben = Person.objects.create(full_name="Ben", employee_id="E-2")
    given: dict[str, dict[str, Any]] = {
        "match": {"person": ada, "outcome": "approved", "decision": "approved", "reasons": ["attack_check_waived"]},
        "stranger": {"person": ben, "outcome": "rejected", "decision": "rejected", "reasons": ["no_match", "blurred"]},
        "search": {"mode": "identification"},
    }
    made = {}
    for days, (name, values) in enumerate(given.items()):
        row = Verification.objects.create(owner=cast.cleo, **{"mode": "verification", **values})
        Verification.objects.filter(pk=row.pk).update(created_at=DAY + timedelta(days=days))
        made[name] = row
    return made


def listed(client: APIClient, rows: dict[str, Verification], **query: str) -> set[str]:
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.content
    names = {str(row.id): name for name, row in rows.items()}
    return {names[row["id"]] for row in answer.json()["results"]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"outcome": "approved"}, {"match"}),
        ({"decision": "pending"}, {"search"}),
        ({"mode": "identification"}, {"search"}),
        ({"person_id": "emp-001"}, {"match"}),
        ({"employee_id": "E-2"}, {"stranger"}),
        ({"reason": "blurred"}, {"stranger"}),
        ({"reason": "no_face"}, set()),
        ({"created_after": "2026-03-02T00:00:00Z"}, {"stranger", "search"}),
        ({"created_before": "2026-03-02T00:00:00Z"}, {"match"}),
        ({"created_after": "2026-03-02T01:00:00+01:00", "created_before": "2026-03-03T00:00:00Z"}, {"stranger"}),
        ({"mode": "verification", "decision": "approved", "person_id": "emp-001"}, {"match"}),
        ({"person_id": "nobody"}, set()),
        ({"person_id": unknown_id()}, set()),
        ({"outcome": ""}, {"match", "stranger", "search"}),
        ({"created_after": "0001-01-01T00:00:00Z"}, {"match", "stranger", "search"}),
    ],
)
def test_a_list_holds_what_was_asked_for(
    hana: APIClient, rows: dict[str, Verification], query: dict[str, str], found: set[str]
) -> None:
    assert listed(hana, rows, **query) == found


def test_a_person_is_found_by_our_id(hana: APIClient, rows: dict[str, Verification]) -> None:
    assert listed(hana, rows, person_id=str(rows["match"].person_id)) == {"match"}


@pytest.mark.parametrize(
    "query",
    [
        {"outcome": "great"},
        {"decision": "maybe"},
        {"mode": "1:1"},
        {"reason": "whim"},
        {"person_id": "x" * 129},
        {"employee_id": "x" * 65},
        {"created_after": "yesterday"},
        {"created_after": "2026-02-30T00:00:00Z"},
        {"created_before": "99999999999999"},
        {"created_after": "2026-03-02T00:00:00Z", "created_before": "2026-03-01T00:00:00Z"},
    ],
)
def test_what_cannot_be_meant_is_400_with_the_name_of_the_filter(
    hana: APIClient, rows: dict[str, Verification], query: dict[str, str]
) -> None:
    answer = hana.get(URL, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] in query


def test_filters_show_a_client_no_more_than_its_own(cast: Cast, rows: dict[str, Verification]) -> None:
    assert listed(caller(cast.carl), rows, person_id="emp-001") == set()
    assert listed(caller(cast.cleo), rows, person_id="emp-001") == {"match"}


def test_filters_do_not_hide_what_an_address_names(hana: APIClient, rows: dict[str, Verification]) -> None:
    assert hana.get(f"{URL}{rows['match'].id}/", {"outcome": "rejected"}).status_code == 200


def test_a_next_page_keeps_to_the_filter(hana: APIClient, rows: dict[str, Verification], cast: Cast) -> None:
    ada = rows["match"].person
    Verification.objects.bulk_create(Verification(owner=cast.cleo, mode="verification", person=ada) for _ in range(60))
    page = hana.get(URL, {"employee_id": "E-1"}).json()
    rest = hana.get(page["next"]).json()["results"]
    assert (len(page["results"]), len(rest)) == (50, 11)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"outcome": "", "person_id": "emp-001"},
        {"employee_id": "E-1", "decision": "pending", "mode": "verification"},
        {"created_after": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_filtered_list_costs_the_same_queries_however_long(
    hana: APIClient,
    rows: dict[str, Verification],
    cast: Cast,
    query: dict[str, str],
    django_assert_max_num_queries: Any,
) -> None:
    ada = rows["match"].person
    for _ in range(2):
        Verification.objects.bulk_create(
            Verification(owner=cast.cleo, mode="verification", person=ada) for _ in range(20)
        )
        with django_assert_max_num_queries(5):
            assert len(hana.get(URL, query).json()["results"]) >= 20


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "-created_at -id"),
        ({"outcome": "failed"}, "outcome -created_at -id"),
        ({"decision": "pending"}, "decision -created_at -id"),
        ({"mode": "identification"}, "mode -created_at -id"),
    ],
)
def test_the_newest_of_whatever_is_asked_for_are_found_by_an_index(
    cast: Cast, query: dict[str, str], index: str
) -> None:
    """All but a few are of another outcome, and nothing is sorted: the page is read off an index."""
    Verification.objects.bulk_create(
        Verification(owner=cast.cleo, mode="verification", outcome="rejected", decision="rejected") for _ in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE verification_verification")
        cursor.execute("SET LOCAL enable_sort = off")  # so few rows are as soon sorted
    visible = Verification.objects.visible_to(cast.hana).for_answers()
    rows = narrowed(visible, QueryDict(urlencode(query)), cast.hana)
    plan = rows.order_by("-created_at", "-id")[:51].explain()
    (wanted,) = (one.name for one in Verification._meta.indexes if one.fields == index.split())
    assert wanted in plan
    assert "Sort" not in plan


def test_rows_are_written_out_as_their_schema_says(hana: APIClient, rows: dict[str, Verification]) -> None:
    (row, *_) = hana.get(URL).json()["results"]
    assert set(row) == set(VerificationRowSerializer().fields)
    whole = hana.get(f"{URL}{rows['match'].id}/").json()
    assert set(whole) == set(VerificationSerializer().fields)
    assert whole["created_at"] == "2026-03-01T00:00:00Z"


def test_candidates_of_a_whole_list_come_by_one_query(
    hana: APIClient, rows: dict[str, Verification], django_assert_num_queries: Any
) -> None:
    found = [rows["match"].person, rows["stranger"].person]
    for _ in range(2):
        made = Verification.objects.bulk_create(
            Verification(owner=rows["search"].owner, mode="identification", outcome="rejected") for _ in range(10)
        )
        Candidate.objects.bulk_create(
            Candidate(verification=row, person=person, rank=rank, score=0.9, similarity=0.8)
            for row in made
            for rank, person in enumerate(found, start=1)
        )
        with django_assert_num_queries(5):  # login, roles, page, its jobs, its candidates
            listed = hana.get(URL, {"mode": "identification"}).json()["results"]
        assert [one["person_name"] for one in listed[0]["candidates"]] == ["Ada", "Ben"]
        assert [one["rank"] for one in listed[0]["candidates"]] == [1, 2]
