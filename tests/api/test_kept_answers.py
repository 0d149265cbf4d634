"""What is kept of a request that named itself by a key: for how long, for whom, and what erasing leaves of it."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from enrollment.models import Person
from enrollment.services import people
from heirloom.api import idempotency
from heirloom.api.keyed_requests import KeyedRequest
from heirloom.api.tasks import sweep_keyed_requests
from heirloom.portal.erasure import erase_person
from tests.api.conftest import CONSENT, codes
from tests.api.test_idempotency import ADA, PEOPLE, begun, post
from tests.cast import Cast, caller, make_cast
from verification.models import Challenge


def test_answers_are_kept_for_a_day_and_swept(hana: APIClient) -> None:
    body = {"full_name": "X"}
    first = post(hana, PEOPLE, body).json()
    left = KeyedRequest.objects.get().expires_at - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert sweep_keyed_requests() == 0
    KeyedRequest.objects.update(expires_at=timezone.now())
    assert post(hana, PEOPLE, body).json()["id"] != first["id"]
    KeyedRequest.objects.update(expires_at=timezone.now())
    assert sweep_keyed_requests() == 1


def test_nothing_of_an_answer_lies_readable(hana: APIClient, cast: Cast) -> None:
    person = post(hana, PEOPLE, ADA, "ada-byron-1").json()["id"]
    nonce = post(hana, "/api/v1/challenges/", {"person_id": person}, "ada-byron-2").json()["nonce"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_keyedrequest::text, encode(answer, 'escape') FROM api_keyedrequest")
        stored = str(cursor.fetchall())
    assert Challenge.objects.count() == 1
    for secret in ("Byron", "byron", nonce):
        assert secret not in stored


def test_erasing_a_person_leaves_nothing_and_no_repetition_brings_it_back(hana: APIClient, cast: Cast) -> None:
    made = post(hana, PEOPLE, ADA, "k-1").json()
    person = Person.objects.get(pk=made["id"])
    post(hana, f"{PEOPLE}{person.id}/consents/", CONSENT, "k-2")
    post(hana, PEOPLE, {"full_name": "Somebody else"}, "k-3")
    erase_person(person=person, actor=cast.hana)
    emptied = KeyedRequest.objects.filter(answer=None)
    assert [(row.fingerprint, row.names) for row in emptied] == [("", [])] * 2
    answer = post(hana, PEOPLE, ADA, "k-1")
    assert (answer.status_code, codes(answer)) == (409, ["idempotency_answer_erased"])
    assert [row.full_name for row in Person.objects.all()] == ["Somebody else"]
    assert post(hana, PEOPLE, {"full_name": "Somebody else"}, "k-3").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_an_answer_under_way_while_its_person_is_erased_is_emptied_or_never_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cast = make_cast()
    person = people.create_person(full_name="Ada Byron", employee_id="E-1", actor=None)
    hana, erased, keep = caller(cast.hana), threading.Event(), idempotency.keep

    def erase() -> None:
        erase_person(person=person, actor=cast.ada)
        erased.set()
        connection.close()

    other = threading.Thread(target=erase)

    def meanwhile(*given: Any, **named: Any) -> None:
        other.start()
        assert not erased.wait(0.5)
        keep(*given, **named)

    monkeypatch.setattr(idempotency, "keep", meanwhile)
    assert post(hana, f"{PEOPLE}{person.id}/consents/", CONSENT).status_code == 201
    other.join()
    assert KeyedRequest.objects.get().is_erased
    assert codes(post(hana, f"{PEOPLE}{person.id}/consents/", CONSENT)) == ["idempotency_answer_erased"]


def test_a_kept_answer_is_still_for_those_alone_who_may_ask(cast: Cast) -> None:
    hana = caller(cast.hana)
    post(hana, PEOPLE, ADA)
    cast.hana.groups.clear()
    assert post(hana, PEOPLE, ADA).status_code == 403


def test_ids_are_kept_as_keyed_hashes_and_what_is_no_id_not_at_all(cast: Cast) -> None:
    names = [uuid.uuid4(), "E-1", "x" * 129, "a\0b", "", None]
    turn = begun(caller=cast.hana, route="r", key="k", fingerprint="f", names=names)
    idempotency.keep(turn, idempotency.Answer(201, {}, "null"), names=["E-1"])
    kept = KeyedRequest.objects.get().names
    assert [len(name) for name in kept] == [64, 64]
    assert "E-1" not in kept
    idempotency.forget(["E-1"])
    assert KeyedRequest.objects.get().is_erased
