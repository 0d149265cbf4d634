"""The list of people."""

from typing import Any

import pytest
from django.test import Client

from enrollment.models import Person
from enrollment.services import people
from tests.portal.conftest import text_of


@pytest.fixture
def sixty(cast: object) -> None:
    for number in range(60):
        people.create_person(
            full_name=f"Person {number:02}", employee_id=f"N-{number:02}", department=f"D{number % 3}", actor=None
        )


def test_it_is_in_order_of_names_and_in_pages(hana: Client, sixty: None) -> None:
    first, last = text_of(hana.get("/people/")), text_of(hana.get("/people/?page=3"))
    assert first.index("Person 00") < first.index("Person 24")
    assert "Person 25" not in first
    assert "1–25 of 60" in first  # noqa: RUF001 - as it is printed
    assert "Person 59" in last


def test_it_is_searched_by_name_number_and_department(hana: Client, sixty: None, grace: Person) -> None:
    for words in ("grace", "E-7", "hopper research"):
        page = text_of(hana.get("/people/", {"q": words}))
        assert "Grace Hopper" in page
        assert "Person 00" not in page


def test_it_is_narrowed_to_a_department(hana: Client, sixty: None) -> None:
    page = text_of(hana.get("/people/", {"department": "D1"}))
    assert "Person 01" in page
    assert "Person 00" not in page


def test_typing_brings_the_rows_alone(hana: Client, grace: Person) -> None:
    page = text_of(hana.get("/people/", {"q": "grace"}, headers={"HX-Request": "true"}))
    assert "Grace Hopper" in page
    assert "<html" not in page


def test_nobody_found_is_said(hana: Client, grace: Person) -> None:
    assert "Nobody matches “xyz”" in text_of(hana.get("/people/", {"q": "xyz"}))


def test_what_is_searched_for_is_shown_as_text(hana: Client) -> None:
    assert "<script>alert" not in text_of(hana.get("/people/", {"q": "<script>alert(1)</script>"}))


def test_a_full_page_takes_few_queries(hana: Client, sixty: None, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(7):
        hana.get("/people/")


def test_it_is_for_hr_alone(rhea: Client, cleo: Client) -> None:
    assert rhea.get("/people/").headers["Location"] == "/admin/"
    assert cleo.get("/people/").status_code == 403


def test_it_is_read_only(hana: Client) -> None:
    assert hana.post("/people/").status_code == 405
