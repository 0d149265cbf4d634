"""/people/: who may be enrolled."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Person
from tests.api.conftest import CONSENT, codes, unknown_id
from tests.cast import Cast, caller

URL = "/api/v1/people/"


def test_a_person_is_made_found_and_changed(hana: APIClient, cast: Cast) -> None:
    made = hana.post(URL, {"full_name": "Ada Byron", "employee_id": "E-1", "department": "Engines"}, format="json")
    assert made.status_code == 201
    link = f"{URL}{made.json()['id']}/"
    assert hana.patch(link, {"position": "Analyst"}, format="json").json()["position"] == "Analyst"
    assert [row["full_name"] for row in hana.get(URL, {"search": "byron engines"}).json()["results"]] == ["Ada Byron"]
    assert hana.get(URL, {"search": "nobody"}).json()["results"] == []


def test_a_list_is_narrowed(hana: APIClient) -> None:
    for number, department in ((1, "Engines"), (2, "Engines"), (3, "Looms")):
        body = {"full_name": f"P{number}", "employee_id": f"E-{number}", "department": department}
        assert hana.post(URL, body, format="json").status_code == 201
    Person.objects.filter(employee_id="E-2").update(status="suspended", external_id="emp-2")

    def found(**query: str) -> list[str]:
        return [row["full_name"] for row in hana.get(URL, query).json()["results"]]

    assert found(department="Engines") == ["P1", "P2"]
    assert found(department="Engines", status="active") == ["P1"]
    assert found(employee_id="E-3") == found(search="looms") == ["P3"]
    assert found(external_id="emp-2") == ["P2"]
    assert found(enrolled="false") == ["P1", "P2", "P3"]
    assert found(enrolled="true") == []
    assert found(created_before="2001-01-01T00:00:00Z") == []
    assert found(created_after="2001-01-01T00:00:00Z", department="") == ["P1", "P2", "P3"]


@pytest.mark.parametrize("query", [{"status": "gone"}, {"enrolled": "perhaps"}, {"created_after": "yesterday"}])
def test_a_filter_that_cannot_be_meant_is_told(hana: APIClient, query: dict[str, str]) -> None:
    answer = hana.get(URL, query)
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, next(iter(query)))


def test_a_person_is_replaced_and_suspended(hana: APIClient) -> None:
    link = f"{URL}{hana.post(URL, {'full_name': 'One', 'metadata': {'badge': 7}}, format='json').json()['id']}/"
    put = hana.put(link, {"full_name": "Two", "status": "suspended", "metadata": {"badge": 8}}, format="json").json()
    assert (put["full_name"], put["status"], put["metadata"]) == ("Two", "suspended", {"badge": 8})
    assert hana.put(link, {"position": "x"}, format="json").status_code == 400
    assert hana.delete(link).status_code == 405


def test_what_belongs_to_a_person_is_listed(hana: APIClient, django_assert_num_queries: Any) -> None:
    person = hana.post(URL, {"full_name": "X"}, format="json").json()["id"]
    for version in ("2026-1", "2026-2"):
        hana.post(f"{URL}{person}/consents/", {**CONSENT, "policy_version": version}, format="json")
    assert len(hana.get(f"{URL}{person}/consents/").json()) == 2
    for what in ("consents", "captures", "templates"):
        with django_assert_num_queries(4):  # the login, its roles, the person, the rows
            hana.get(f"{URL}{person}/{what}/")


def test_an_employee_number_belongs_to_one_person(hana: APIClient) -> None:
    hana.post(URL, {"full_name": "One", "employee_id": "E-1"}, format="json")
    answer = hana.post(URL, {"full_name": "Two", "employee_id": "E-1"}, format="json")
    assert (answer.status_code, codes(answer)) == (409, ["employee_id_taken"])


def test_people_without_a_number_may_be_many(hana: APIClient) -> None:
    for name in ("One", "Two"):
        assert hana.post(URL, {"full_name": name, "employee_id": ""}, format="json").status_code in {201, 400}
        assert hana.post(URL, {"full_name": name, "employee_id": None}, format="json").status_code == 201


def test_pages_follow_one_another_without_gap(hana: APIClient) -> None:
    Person.objects.bulk_create(Person(full_name=f"Person {n:03}") for n in range(120))
    seen: list[str] = []
    link = URL
    while link:
        page = hana.get(link).json()
        seen += [row["full_name"] for row in page["results"]]
        link = page["next"]
    assert seen == [f"Person {n:03}" for n in range(120)]


def test_a_list_costs_the_same_queries_however_long(hana: APIClient, django_assert_num_queries: Any) -> None:
    Person.objects.bulk_create(Person(full_name=f"Person {n:03}") for n in range(2))
    with django_assert_num_queries(3):
        hana.get(URL)
    Person.objects.bulk_create(Person(full_name=f"More {n:03}") for n in range(40))
    with django_assert_num_queries(3):
        hana.get(URL)


def test_only_hr_and_admin_see_people(cast: Cast) -> None:
    assert caller(None).get(URL).status_code == 401
    for user in (cast.cleo, cast.rhea):
        assert caller(user).get(URL).status_code == 403
    assert caller(cast.ada).get(URL).status_code == 200


def test_what_callers_may_not_set_stays(hana: APIClient) -> None:
    given = {"full_name": "X", "id": unknown_id(), "created_at": "2001-01-01T00:00:00Z", "reference_count": 9}
    made = hana.post(URL, given, format="json").json()
    assert made["id"] != given["id"]
    assert not made["created_at"].startswith("2001")
    assert made["reference_count"] == 0


def test_consent_is_given_and_withdrawn(hana: APIClient) -> None:
    person = hana.post(URL, {"full_name": "X"}, format="json").json()["id"]
    given = hana.post(f"{URL}{person}/consents/", CONSENT, format="json")
    assert (given.status_code, given.json()["is_active"]) == (201, True)
    withdrawn = hana.post(f"{URL}{person}/consents/withdraw/").json()
    assert [consent["is_active"] for consent in withdrawn] == [False]


def test_nobody_by_that_id_is_404(hana: APIClient) -> None:
    for answer in (hana.get(f"{URL}{unknown_id()}/"), hana.post(f"{URL}{unknown_id()}/erase/")):
        assert (answer.status_code, codes(answer)) == (404, ["not_found"])
