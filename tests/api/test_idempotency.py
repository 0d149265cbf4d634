"""The header Idempotency-Key: whoever sends a request again gets the first answer, and one row."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, transaction
from rest_framework.test import APIClient

from enrollment.models import Enrollment, Person
from enrollment.services import people
from heirloom.api import idempotency
from heirloom.api.idempotency import Turn
from heirloom.api.keyed_requests import KeyedRequest
from heirloom.errors import Refusal
from tests.api.conftest import CONSENT, codes
from tests.cast import Cast, caller, make_cast
from tests.jobs.workers import soon
from tests.portraits import Portrait
from verification.models import Verification

PEOPLE = "/api/v1/people/"
ADA = {"full_name": "Ada Byron", "employee_id": "E-1", "metadata": {"floor": 2, "room": "b"}}


def post(client: APIClient, url: str, body: Any, key: str = "k-1", *, how: str = "json") -> Any:
    return client.post(url, body, format=how, headers={"Idempotency-Key": key})


def test_a_repeated_request_gets_the_first_answer_and_makes_one_row(hana: APIClient) -> None:
    first, again = post(hana, PEOPLE, ADA), post(hana, PEOPLE, ADA)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Person.objects.count() == 1


def test_spacing_and_order_of_the_json_make_no_other_request(hana: APIClient) -> None:
    first = post(hana, PEOPLE, ADA)
    text = '{"metadata": {"room": "b",  "floor": 2}, "employee_id": "E-1",\n "full_name": "Ada Byron"}'
    again = hana.post(PEOPLE, text, content_type="application/json", headers={"Idempotency-Key": "k-1"})
    assert again.content == first.content


def test_a_key_used_for_another_body_is_refused(hana: APIClient) -> None:
    post(hana, PEOPLE, ADA)
    answer = post(hana, PEOPLE, {**ADA, "full_name": "Ada Lovelace"})
    assert (answer.status_code, codes(answer)) == (422, ["idempotency_key_reused"])
    assert Person.objects.count() == 1


def test_a_key_used_for_another_address_of_the_route_is_refused(hana: APIClient) -> None:
    one, two = (hana.post(PEOPLE, {"full_name": name}, format="json").json()["id"] for name in ("One", "Two"))
    assert post(hana, f"{PEOPLE}{one}/consents/", CONSENT).status_code == 201
    assert post(hana, f"{PEOPLE}{one}/consents/", CONSENT).status_code == 201
    assert codes(post(hana, f"{PEOPLE}{two}/consents/", CONSENT)) == ["idempotency_key_reused"]
    assert Person.objects.get(pk=one).consents.count() == 1


def test_keys_of_callers_and_of_routes_are_apart(hana: APIClient, cast: Cast) -> None:
    made = post(hana, PEOPLE, {"full_name": "X"}).json()
    other = post(caller(cast.ada), PEOPLE, {"full_name": "X"}).json()
    assert made["id"] != other["id"]
    assert post(hana, f"{PEOPLE}{made['id']}/consents/", CONSENT).status_code == 201


def test_without_a_key_each_request_counts(hana: APIClient) -> None:
    for _ in range(2):
        assert hana.post(PEOPLE, {"full_name": "X"}, format="json").status_code == 201
    assert (Person.objects.count(), KeyedRequest.objects.count()) == (2, 0)


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "schlüssel", "tab\tkey"])
def test_a_malformed_key_is_refused(hana: APIClient, key: str) -> None:
    answer = post(hana, PEOPLE, ADA, key)
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "Idempotency-Key")
    assert not Person.objects.exists()


@pytest.mark.parametrize("key", ["k", "~" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
def test_any_visible_ascii_is_a_key(hana: APIClient, key: str) -> None:
    assert post(hana, PEOPLE, ADA, key).status_code == 201


def test_a_request_that_was_not_valid_may_be_mended_under_its_key(hana: APIClient) -> None:
    assert post(hana, PEOPLE, {**ADA, "full_name": ""}).status_code == 400
    assert post(hana, PEOPLE, ADA).status_code == 201


def test_a_conflict_is_an_answer_and_comes_again(hana: APIClient) -> None:
    there = hana.post(PEOPLE, ADA, format="json").json()
    first = post(hana, PEOPLE, ADA)
    assert (first.status_code, codes(first)) == (409, ["employee_id_taken"])
    hana.patch(f"{PEOPLE}{there['id']}/", {"employee_id": "E-2"}, format="json")
    assert post(hana, PEOPLE, ADA).content == first.content
    assert Person.objects.count() == 1


@pytest.mark.parametrize("error", [Refusal("database_unavailable"), OperationalError("gone")])
def test_a_fault_of_the_installation_is_not_kept(
    hana: APIClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(**_: Any) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(people, "create_person", fail)
        assert post(hana, PEOPLE, ADA).status_code == 503
    assert not KeyedRequest.objects.exists()
    assert post(hana, PEOPLE, ADA).status_code == 201


def test_a_bug_keeps_no_key_busy(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    hana = caller(cast.hana, raise_request_exception=False)

    def fail(**_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(people, "create_person", fail)
        assert post(hana, PEOPLE, ADA).status_code == 500
    assert post(hana, PEOPLE, ADA).status_code == 201


def test_a_body_that_breaks_off_keeps_nothing(hana: APIClient) -> None:
    person = hana.post(PEOPLE, {"full_name": "X"}, format="json").json()["id"]
    whole = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\nabc\r\n--b--\r\n'
    kind = "multipart/form-data; boundary=b"
    url = f"{PEOPLE}{person}/captures/"
    for body in (whole[:-10], b"--b\r\n"):
        answer = hana.post(url, body, content_type=kind, headers={"Idempotency-Key": "k-1"})
        assert answer.status_code < 500
    assert not KeyedRequest.objects.exists()


def test_files_are_told_apart_by_their_contents(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    person = hana.post(PEOPLE, {"full_name": "X"}, format="json").json()["id"]
    hana.post(f"{PEOPLE}{person}/consents/", CONSENT, format="json")

    def send(name: str) -> Any:
        file = SimpleUploadedFile("face.jpg", portraits[name].jpeg, "image/jpeg")
        return post(hana, f"{PEOPLE}{person}/captures/", {"files": [file]}, how="multipart")

    first, again, other = send("hopper"), send("hopper"), send("astronaut")
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    assert first.content == again.content
    assert again["Location"] == first["Location"]
    assert Enrollment.objects.count() == 1


def test_a_file_that_was_hashed_is_stored_whole(
    cleo: APIClient, hana: APIClient, portraits: dict[str, Portrait]
) -> None:
    person = hana.post(PEOPLE, {"full_name": "X"}, format="json").json()["id"]
    photo = portraits["hopper"].jpeg
    body = {"person_id": person, "file": SimpleUploadedFile("face.jpg", photo, "image/jpeg")}
    made = post(cleo, "/api/v1/verifications/", body, how="multipart")
    assert made.status_code == 202
    capture = Verification.objects.get(pk=made.json()["id"]).capture
    assert capture is not None
    assert capture.size_bytes == len(photo)


def test_contents_are_hashed_piece_by_piece(hana: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    real = File.chunks

    def noted(self: Any, chunk_size: int | None = None) -> Any:
        for chunk in real(self, chunk_size):
            taken.append(len(chunk))
            yield chunk

    monkeypatch.setattr(File, "chunks", noted)
    person = hana.post(PEOPLE, {"full_name": "X"}, format="json").json()["id"]
    file = BytesIO(b"no picture" * 100_000)
    file.name = "long.bin"
    assert post(hana, f"{PEOPLE}{person}/captures/", {"files": [file]}, how="multipart").status_code < 500
    assert max(taken) <= 64 * 1024


def test_of_fifty_requests_at_once_one_is_carried_out(transactional_db: None) -> None:
    hana = make_cast().hana
    access = caller(hana)._credentials
    start = threading.Barrier(50)

    def send(_: int) -> Any:
        client = APIClient()
        client.credentials(**access)
        start.wait(30)
        try:
            return post(client, PEOPLE, {"full_name": "Ada Byron"})
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(send, range(50)))
    assert Person.objects.count() == 1
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in made}) == 1
    waiting = [answer for answer in answers if answer.status_code != 201]
    assert {(answer.status_code, *codes(answer), answer["Retry-After"]) for answer in waiting} <= {
        (409, "idempotency_in_progress", "2")
    }
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_what_is_under_way_is_told_when_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hana = make_cast().hana
    first, second = caller(hana), caller(hana)
    real: Callable[..., Person] = people.create_person
    meanwhile: list[Any] = []

    def ask_again() -> None:
        meanwhile.append(post(second, PEOPLE, ADA))
        connection.close()

    def slow(**given: Any) -> Person:
        other = threading.Thread(target=ask_again)
        other.start()
        other.join()
        return real(**given)

    monkeypatch.setattr(people, "create_person", slow)
    assert post(first, PEOPLE, ADA).status_code == 201
    assert (meanwhile[0].status_code, codes(meanwhile[0])) == (409, ["idempotency_in_progress"])
    assert meanwhile[0]["Retry-After"] == "2"
    assert post(first, PEOPLE, ADA)["Idempotency-Replayed"] == "true"


# What a web process does with a keyed request, cut off where the caller says.
CUT_OFF = """
import sys, time, django
django.setup()
from django.db import transaction
from enrollment.services import people
from heirloom.accounts.models import User
from heirloom.api import idempotency
from heirloom.api.idempotency import Answer

def stop():
    print("here", flush=True)
    time.sleep(600)

with transaction.atomic():
    hana = User.objects.get(username="hana")
    turn = idempotency.begin(caller=hana, route="r", key="k", fingerprint="f", names=[])
    person = people.create_person(full_name="Ada Byron", actor=hana)
    idempotency.keep(turn, Answer(201, {}, "1"), names=[person.id])
    if sys.argv[1] == "before":
        stop()
stop()
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("cut", "people_made"), [("before", 0), ("after", 1)])
def test_a_killed_process_keeps_no_key_and_makes_nothing_twice(cut: str, people_made: int) -> None:
    hana = make_cast().hana
    named: Any = {"caller": hana, "route": "r", "key": "k", "fingerprint": "f", "names": []}
    command = [sys.executable, "-c", CUT_OFF, cut]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR) as web:
        assert web.stdout is not None
        assert web.stdout.readline() == "here\n"
        if cut == "before":
            with pytest.raises(Refusal, check=lambda refusal: refusal.code == "idempotency_in_progress"):
                begun(**named)
        web.kill()
    soon(lambda: not is_held(**named))
    assert Person.objects.count() == people_made
    assert isinstance(begun(**named), Turn if cut == "before" else idempotency.Answer)


def begun(**named: Any) -> Any:
    with transaction.atomic():
        return idempotency.begin(**named)


def is_held(**named: Any) -> bool:
    """Whether the database has not noticed yet that the holder of the key is gone."""
    with contextlib.suppress(Refusal):
        begun(**named)
        return False
    return True


def test_an_effect_without_its_answer_is_undone(hana: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "keep", fail)
        assert post(hana, PEOPLE, ADA).status_code == 503
    assert not Person.objects.exists()
    assert post(hana, PEOPLE, ADA).status_code == 201


@pytest.mark.django_db
def test_every_post_that_makes_something_takes_a_key() -> None:
    from drf_spectacular.generators import SchemaGenerator

    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    posts = {path: methods["post"] for path, methods in paths.items() if "post" in methods}
    making = {path: post for path, post in posts.items() if {"201", "202"} & set(post["responses"])}
    assert f"{PEOPLE}" in making
    # Resumed, not repeated (docs/api/uploads.md): a key has nothing to compare a body by that is still arriving.
    del making["/api/v1/uploads/"]
    for path, made in making.items():
        named = [parameter["name"] for parameter in made.get("parameters", []) if parameter["in"] == "header"]
        assert named == ["Idempotency-Key"], path
