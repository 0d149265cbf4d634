"""The first page."""

from typing import Any

from django.test import Client

from enrollment.models import Enrollment, Person
from heirloom.reviews.models import Review
from tests.portal.conftest import text_of


def test_it_counts_people_and_what_waits(hana: Client, grace: Person) -> None:
    Enrollment.objects.create(person=grace, source="portal")
    page = text_of(hana.get("/"))
    assert "<strong>1</strong><span>person</span>" in page
    assert "<strong>0</strong><span>enrolled with a face</span>" in page
    assert "<strong>1</strong><span>enrollment in progress</span>" in page
    assert not Review.objects.exists()
    assert "<strong>0</strong><span>cases wait for a reviewer</span>" in page


def test_many_enrollments_take_as_many_queries_as_few(
    hana: Client, grace: Person, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        Enrollment.objects.create(person=grace, source="portal")
    with django_assert_max_num_queries(9):
        hana.get("/")
