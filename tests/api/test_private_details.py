"""Mail addresses and metadata of people are sealed under their own key, and go with it."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from enrollment import private
from enrollment.models import Person
from enrollment.services import people
from enrollment.services.at_rest import PlainDetails
from enrollment.services.erasure import erase
from heirloom.crypto import services as crypto
from heirloom.errors import Refusal

URL = "/api/v1/people/"
NOTED = {"email": "ada.canary@example.org", "metadata": {"badge": "canary-17"}}

pytestmark = pytest.mark.django_db


def made(number: int = 1, **details: Any) -> Person:
    return people.create_person(full_name=f"Ada {number}", actor=None, **details)


def everything_stored() -> str:
    """Return every row of every table as text."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        texts = []
        for table in tables:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def test_neither_stands_readable_anywhere_in_the_database(hana: APIClient) -> None:
    """Whichever way they came: by the API, kept as its answer, changed later."""
    person = {"full_name": "Ada", "employee_id": "E-1", **NOTED}
    link = hana.post(URL, person, format="json", headers={"Idempotency-Key": "k"}).json()["id"]
    assert hana.patch(f"{URL}{link}/", {"metadata": {"badge": "canary-18"}}, format="json").status_code == 200
    shown = hana.get(f"{URL}{link}/").json()
    assert (shown["email"], shown["metadata"]) == (NOTED["email"], {"badge": "canary-18"})
    stored = everything_stored()
    assert "Ada" in stored
    assert "canary" not in stored
    assert NOTED["email"].encode().hex() not in stored


def test_they_open_in_the_row_of_their_own_person_alone() -> None:
    ada, bob = made(1, **NOTED), made(2, email="bob@example.org")
    Person.objects.filter(pk=bob.pk).update(private_sealed=bytes(ada.private_sealed or b""))
    with pytest.raises(Refusal, match="seal_broken"):
        _ = Person.objects.get(pk=bob.pk).email


def test_a_change_of_one_leaves_the_other(hana: APIClient) -> None:
    person = made(**NOTED)
    people.update_person(person=Person.objects.get(), actor=None, email="b@example.org")
    assert (Person.objects.get().email, Person.objects.get().metadata) == ("b@example.org", NOTED["metadata"])
    people.update_person(person=person, actor=None, email="", metadata={})
    assert Person.objects.get().private_sealed is None
    assert (person.email, person.metadata) == ("", {})


def test_a_page_of_people_is_opened_by_one_query(hana: APIClient) -> None:
    asked = []
    for count in (2, 20):
        for number in range(count):
            made(count + number, email=f"p{number}@example.org")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = hana.get(f"{URL}?page_size=100").json()
        assert all(person["email"] for person in answer["results"])
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_an_address_that_is_none_is_refused_as_before(hana: APIClient) -> None:
    for wrong in ("nobody", f"{'a' * 250}@b.example"):
        answer = hana.post(URL, {"full_name": "Ada", "email": wrong}, format="json")
        assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "email")


def test_they_are_erased_with_the_key() -> None:
    person = made(**NOTED)
    kept, person_id = bytes(person.private_sealed or b""), person.id
    erase(person=person, actor=None)
    with pytest.raises(crypto.KeyDestroyedError):
        crypto.unseal(subject=person_id, sealed=kept, place=private.place_of(person_id))


def test_who_is_erased_while_a_list_is_made_has_none() -> None:
    person = made(**NOTED)
    crypto.destroy(subject=person.id)
    row = Person.objects.get()
    private.open_all([row])
    assert (row.email, Person.objects.get().metadata) == ("", {})


def test_what_was_kept_plain_is_shown_and_then_sealed(hana: APIClient) -> None:
    person = made()
    Person.objects.update(plain_email=NOTED["email"], plain_metadata=NOTED["metadata"])
    for _ in range(2):
        shown = hana.get(f"{URL}{person.id}/").json()
        assert (shown["email"], shown["metadata"]) == (NOTED["email"], NOTED["metadata"])
        call_command("reseal")
    assert PlainDetails().left() == 0
    assert "canary" not in everything_stored()


def test_a_change_seals_what_was_kept_plain() -> None:
    made()
    Person.objects.update(plain_email=NOTED["email"], plain_metadata=NOTED["metadata"])
    people.update_person(person=Person.objects.get(), actor=None, metadata={"badge": 1})
    row = Person.objects.get()
    assert (row.email, row.metadata) == (NOTED["email"], {"badge": 1})
    assert (row.plain_email, row.plain_metadata) == ("", {})
    assert NOTED["email"] not in json.dumps(list(Person.objects.values()), default=str)
