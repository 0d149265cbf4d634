"""/challenges/: issued to one caller for one person, used once, in time."""

import threading
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from enrollment.models import Person
from heirloom.audit.models import Action, AuditEvent
from tests.api.conftest import codes, unknown_id
from tests.cast import Cast, caller, make_cast
from tests.pictures import b64, clip
from tests.portraits import Portrait
from verification.models import Challenge, Verification
from verification.services import challenges

# Enough to be taken for a clip, and nothing to be seen in it.
STUB = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(16)
URL, VERIFICATIONS = "/api/v1/challenges/", "/api/v1/verifications/"


@pytest.fixture
def person(db: None) -> Person:
    return Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1")


@pytest.fixture(scope="module")
def film(portraits: dict[str, Portrait], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return clip(portraits["astronaut"], tmp_path_factory.mktemp("film")).read_bytes()


def issued(client: APIClient, **body: Any) -> dict[str, Any]:
    answer = client.post(URL, body, format="json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def answered(client: APIClient, challenge: dict[str, Any], film: bytes, **claim: Any) -> Any:
    file = BytesIO(film)
    file.name = "clip.mp4"
    body = {"file": file, "challenge_id": challenge["id"], "challenge_nonce": challenge["nonce"], **claim}
    return client.post(VERIFICATIONS, body, format="multipart")


def test_a_challenge_tells_its_steps_windows_and_end(cleo: APIClient, person: Person) -> None:
    challenge = issued(cleo, employee_id="E-1")
    row = Challenge.objects.get(pk=challenge["id"])
    assert [step["kind"] for step in challenge["steps"]] == row.kinds
    assert len(row.kinds) == 5
    assert all(step["instruction"] and step["to_s"] == step["from_s"] + 2.5 for step in challenge["steps"])
    assert (row.person, row.used_at) == (person, None)
    assert challenge["nonce"] not in (row.nonce_sha256, str(row.id))
    event = AuditEvent.objects.get(action=Action.CHALLENGE_ISSUED)
    assert (event.subject_id, event.details["steps"]) == (row.id, row.kinds)


def test_a_challenge_counts_once(cleo: APIClient, person: Person, film: bytes) -> None:
    challenge = issued(cleo, person_id=str(person.id))
    accepted = answered(cleo, challenge, film, person_id=str(person.id))
    assert accepted.status_code == 202, accepted.content
    assert Challenge.objects.get().verification == Verification.objects.get()
    assert AuditEvent.objects.filter(action=Action.CHALLENGE_USED).count() == 1
    again = answered(cleo, challenge, film, person_id=str(person.id))
    assert (again.status_code, codes(again)) == (409, ["challenge_used"])
    assert Verification.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_uploads_at_once_one_uses_the_challenge(
    portraits: dict[str, Portrait], tmp_path: Path, transactional_db: None
) -> None:
    cleo = make_cast().cleo
    somebody = Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1")
    film = clip(portraits["astronaut"], tmp_path, seconds=0.5).read_bytes()
    challenge = issued(caller(cleo), employee_id="E-1")
    clients, told = [caller(cleo) for _ in range(6)], []

    def upload(client: APIClient) -> None:
        told.append(answered(client, challenge, film, person_id=str(somebody.id)).status_code)
        connection.close()

    threads = [threading.Thread(target=upload, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [202, *[409] * 5]
    assert Verification.objects.count() == 1


def test_an_expired_challenge_is_refused(cleo: APIClient, person: Person, film: bytes) -> None:
    challenge = issued(cleo, employee_id="E-1")
    past = timezone.now() - timedelta(seconds=200)
    Challenge.objects.update(issued_at=past, expires_at=past + timedelta(seconds=120))
    answer = answered(cleo, challenge, film, employee_id="E-1")
    assert (answer.status_code, codes(answer)) == (409, ["challenge_expired"])


def test_another_persons_challenge_is_refused(cleo: APIClient, person: Person, film: bytes) -> None:
    Person.objects.create(full_name="Grace Hopper", employee_id="E-2")
    challenge = issued(cleo, employee_id="E-1")
    answer = answered(cleo, challenge, film, employee_id="E-2")
    assert (answer.status_code, codes(answer)) == (409, ["challenge_person_differs"])
    assert Challenge.objects.unused().exists()


def test_another_callers_challenge_is_not_there(cast: Cast, cleo: APIClient, person: Person, film: bytes) -> None:
    challenge = issued(cleo, employee_id="E-1")
    answer = answered(caller(cast.carl), challenge, film, employee_id="E-1")
    assert (answer.status_code, codes(answer)) == (404, ["not_found"])


def test_without_its_nonce_a_challenge_is_not_there(cleo: APIClient, person: Person, film: bytes) -> None:
    challenge = issued(cleo, employee_id="E-1")
    answer = answered(cleo, {**challenge, "nonce": "guessed"}, film, employee_id="E-1")
    assert (answer.status_code, codes(answer)) == (404, ["not_found"])
    body = {"image_base64": b64(film), "challenge_id": challenge["id"], "employee_id": "E-1"}
    alone = cleo.post(VERIFICATIONS, body, format="json")
    assert alone.status_code == 400
    assert alone.json()["errors"][0]["attr"] == "challenge_nonce"


def test_a_photo_answers_no_challenge_and_does_not_use_it_up(
    cleo: APIClient, person: Person, portraits: dict[str, Portrait]
) -> None:
    challenge = issued(cleo, employee_id="E-1")
    answer = answered(cleo, challenge, portraits["astronaut"].jpeg, employee_id="E-1")
    assert (answer.status_code, codes(answer)) == (422, ["challenge_needs_clip"])
    assert Challenge.objects.unused().exists()
    assert not Verification.objects.exists()


def stopped(client: APIClient, **body: Any) -> int:
    """Ask once more, be refused, and return after how many seconds to come again."""
    answer = client.post(URL, body, format="json")
    assert (answer.status_code, codes(answer)) == (429, ["too_many_challenges"])
    return int(answer["Retry-After"])


def test_asking_until_a_recording_fits_is_stopped(cleo: APIClient, person: Person) -> None:
    for _ in range(10):
        issued(cleo, employee_id="E-1")
    assert 3590 < stopped(cleo, employee_id="E-1") <= 3601


def test_a_challenge_that_is_used_up_with_a_stub_gains_no_other(cleo: APIClient, person: Person, settings: Any) -> None:
    settings.FACE_FAILURES_PER_CALLER = 20
    for turn in range(10):
        done = answered(cleo, issued(cleo, employee_id="E-1"), STUB, employee_id="E-1")
        assert done.status_code == 202, done.content
        if turn % 2:
            cancelled = cleo.post(f"{VERIFICATIONS}{done.json()['id']}/cancel/")
            assert cancelled.status_code == 200, cancelled.content
    assert stopped(cleo, employee_id="E-1") > 3500
    assert not Challenge.objects.unused().exists()


def test_what_was_issued_counts_over_all_callers_and_through_the_day(
    cast: Cast, cleo: APIClient, person: Person
) -> None:
    for asker in (cast.carl, cast.hana, cast.ada):
        for _ in range(5):
            challenges.issue(owner=asker, person=person)
    assert stopped(cleo, employee_id="E-1") > 3500
    earlier = timezone.now() - timedelta(hours=3)
    Challenge.objects.update(issued_at=earlier, expires_at=earlier + timedelta(seconds=120))
    assert challenges.sweep() == 0
    for _ in range(10):
        issued(cleo, employee_id="E-1")
    for _ in range(5):
        challenges.issue(owner=cast.carl, person=person)
    Challenge.objects.filter(issued_at__gt=earlier).update(issued_at=earlier)
    assert 20 * 3600 < stopped(caller(cast.hana), employee_id="E-1") <= 21 * 3600 + 1


def test_a_caller_is_stopped_over_all_people_and_in_searches(
    cast: Cast, hana: APIClient, person: Person, settings: Any
) -> None:
    settings.CHALLENGES_PER_CALLER_HOUR, settings.CHALLENGES_OF_NOBODY_HOUR = 5, 2
    for _ in range(2):
        issued(hana)
    stopped(hana)
    for number in range(3):
        Person.objects.create(full_name="Somebody", employee_id=f"N-{number}")
        issued(hana, employee_id=f"N-{number}")
    stopped(hana, employee_id="E-1")
    issued(caller(cast.ada), employee_id="E-1")


@pytest.mark.django_db(transaction=True)
def test_who_asks_many_times_at_once_is_issued_no_more(transactional_db: None) -> None:
    cast = make_cast()
    person, told = Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1"), []
    for asker in (cast.cleo, cast.carl):
        for _ in range(6):
            challenges.issue(owner=asker, person=person)
    clients = [caller(user) for user in (cast.cleo, cast.carl, cast.hana) * 3]

    def ask(client: APIClient) -> None:
        told.append(client.post(URL, {"employee_id": "E-1"}, format="json").status_code)
        connection.close()

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [*[201] * 3, *[429] * 6]
    assert Challenge.objects.count() == 15


@pytest.mark.parametrize(
    ("kinds", "steps"), [(["turn_left", "turn_right", "look_up"], 7), (["look_up", "look_down", "close_eyes"], 7)]
)
def test_a_caller_may_choose_what_is_asked(
    cleo: APIClient, person: Person, vision_process: Any, kinds: list[str], steps: int
) -> None:
    challenge = issued(cleo, employee_id="E-1", kinds=kinds)
    assert len(challenge["steps"]) == steps
    assert {step["kind"] for step in challenge["steps"]} <= set(kinds)


@pytest.mark.parametrize("kinds", [["turn_left", "turn_right"], ["turn_left", "somersault", "look_up"]])
def test_too_few_or_unknown_kinds_are_refused(cleo: APIClient, person: Person, kinds: list[str]) -> None:
    answer = cleo.post(URL, {"employee_id": "E-1", "kinds": kinds}, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"].startswith("kinds")


def test_who_may_not_search_everybody_names_a_person(cleo: APIClient, rhea: APIClient) -> None:
    assert codes(cleo.post(URL, {}, format="json")) == ["permission_denied"]
    assert cleo.post(URL, {"person_id": unknown_id()}, format="json").status_code == 201, "who is here is not told"
    assert rhea.post(URL, {}, format="json").status_code == 403
    assert caller(None).post(URL, {}, format="json").status_code == 401


def test_staff_are_told_who_cannot_be_challenged(cleo: APIClient, hana: APIClient, person: Person) -> None:
    Person.objects.update(status=Person.Status.SUSPENDED)
    answer = hana.post(URL, {"employee_id": "E-1"}, format="json")
    assert (answer.status_code, codes(answer)) == (409, ["person_suspended"])
    assert hana.post(URL, {"employee_id": "E-404"}, format="json").status_code == 404
    assert cleo.post(URL, {"employee_id": "E-1"}, format="json").status_code == 201


def test_a_challenge_of_nobody_serves_its_own_claim_alone(cleo: APIClient, person: Person, film: bytes) -> None:
    of_nobody = issued(cleo, employee_id="E-404")
    for other in ("E-1", "E-405"):
        assert codes(answered(cleo, of_nobody, film, employee_id=other)) == ["challenge_person_differs"]
    assert answered(cleo, of_nobody, film, employee_id="E-404").status_code == 202


def test_challenges_of_nobody_are_counted_like_a_persons(cleo: APIClient, person: Person) -> None:
    for _ in range(10):
        issued(cleo, employee_id="E-404")
        issued(cleo, employee_id="E-1")
    assert stopped(cleo, employee_id="E-404") > 3500
    assert stopped(cleo, employee_id="E-1") > 3500
    issued(cleo, employee_id="E-405")


def test_what_was_never_used_is_swept_away(cleo: APIClient, person: Person, film: bytes) -> None:
    used, old, new = (issued(cleo, employee_id="E-1") for _ in range(3))
    assert answered(cleo, used, film, employee_id="E-1").status_code == 202
    long_ago = timezone.now() - timedelta(days=2)
    Challenge.objects.exclude(pk=new["id"]).update(
        issued_at=long_ago, used_at=None, expires_at=long_ago + timedelta(seconds=120)
    )
    Challenge.objects.filter(pk=used["id"]).update(used_at=long_ago + timedelta(seconds=60))
    assert challenges.sweep() == 1
    assert not Challenge.objects.filter(pk=old["id"]).exists()
