"""What is computed in the call is bounded: whoever comes too many waits shortly, and those who read never do."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.api import checks
from heirloom.api.places import Places
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from tests.api.conftest import CONSENT, codes, unknown_id
from tests.cast import PASSWORD, make_cast
from tests.pictures import b64
from tests.portraits import Portrait
from tests.processes import Processes

AT_ONCE, POOL = 2, 4


@pytest.fixture(scope="module")
def address(processes: Processes, vision_process: Path, django_db_setup: None) -> Iterator[str]:
    """A web server in which two compute at once, with four connections to the database for everybody."""
    yield processes.web(COMPUTE_AT_ONCE=str(AT_ONCE), DATABASE_POOL=str(POOL))
    processes.stop("web")


@pytest.fixture
def client(address: str, real_passwords: None, transactional_db: None) -> Iterator[httpx.Client]:
    make_cast()
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(base_url=f"{address}/api/v1", timeout=90, limits=limits) as http:
        tokens = http.post("/auth/token/", json={"username": "cleo", "password": PASSWORD}).json()
        http.headers["Authorization"] = f"Bearer {tokens['access']}"
        yield http


@pytest.fixture
def stalled(processes: Processes) -> Iterator[Any]:
    """Have the vision process stand still until it is told to go on."""
    pid = processes.children["vision"].pid
    os.kill(pid, signal.SIGSTOP)
    go_on = [False]

    def on() -> None:
        if not go_on[0]:
            os.kill(pid, signal.SIGCONT)
            go_on[0] = True

    yield on
    on()


def test_those_who_read_are_answered_while_calls_wait_for_vision(
    client: httpx.Client, stalled: Any, portraits: dict[str, Portrait]
) -> None:
    body = {"image_base64": b64(portraits["hopper"].jpeg)}
    with ThreadPoolExecutor(16) as threads:
        calls = [threads.submit(client.post, "/detect/", json=body) for _ in range(14)]
        wait(calls, timeout=1.5)
        for _ in range(10):
            assert client.get("/verifications/").status_code == 200
        assert sum(not call.done() for call in calls) >= AT_ONCE
        # Those beyond the places and the line (2 and 8) are told at once, those in the line after its time.
        refused = _done(calls, len(calls) - AT_ONCE)
        stalled()
        served = [call.result() for call in calls if call not in refused]
    answers = [call.result() for call in refused]
    assert {(answer.status_code, codes(answer)[0]) for answer in answers} == {(503, "busy")}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    assert [answer.json()["faces_detected"] for answer in served] == [1] * AT_ONCE


def _done(calls: list[Future[httpx.Response]], count: int) -> set[Future[httpx.Response]]:
    """Return the calls that are answered, once so many of them are."""
    done: set[Future[httpx.Response]] = set()
    deadline = time.monotonic() + 40
    while len(done) < count and time.monotonic() < deadline:
        time.sleep(0.1)
        done = {call for call in calls if call.done()}
    assert len(done) == count
    return done


def test_whoever_waits_shortly_gets_a_place(client: httpx.Client, portraits: dict[str, Portrait]) -> None:
    body = {"image_base64": b64(portraits["hopper"].jpeg)}
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: client.post("/detect/", json=body).status_code, range(6)))
    assert set(answers) == {200}


def test_a_place_is_given_back_whatever_comes_of_the_call(client: httpx.Client) -> None:
    for _ in range(3 * AT_ONCE):
        assert client.post("/detect/", json={"image_base64": "?"}).status_code == 400
        assert client.post("/recognize/", json={}).status_code == 403


def test_the_line_is_short_in_length_and_in_time() -> None:
    places = Places(1, wait_s=0.1)
    with places.one():
        began = time.monotonic()
        with pytest.raises(Refusal, match="busy"), places.one():
            pass
        assert 0.1 <= time.monotonic() - began < 5
        with ThreadPoolExecutor(12) as threads:
            assert set(threads.map(lambda _: _refused(places), range(12))) == {True}
    with places.one():
        pass


def _refused(places: Places) -> bool:
    from django.db import connection

    try:
        with places.one():
            return False
    except Refusal:
        return True
    finally:
        connection.close()


def test_places_that_would_take_every_connection_are_refused_by_every_command(settings: Settings) -> None:
    for at_once, pool, fault in ((8, 16, []), (16, 16, ["heirloom.E027"]), (0, 16, ["heirloom.E027"]), (99, 0, [])):
        settings.COMPUTE_AT_ONCE, settings.DATABASE_POOL = at_once, pool
        assert [found.id for found in checks.bounds()] == fault


# What is computed later


@pytest.fixture
def waiting(db: None) -> Any:
    """Have a job wait since so long."""

    def job(kind: str, since_s: float, **other: Any) -> Job:
        made = jobs.enqueue(kind=kind, subject_id=unknown_id(), queue="vision")  # type: ignore[arg-type]
        Job.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(seconds=since_s), **other)
        return made

    return job


def doors(cleo: APIClient, hana: APIClient) -> dict[str, Any]:
    """Ask at every door whose work is done later; without a usable body, for that is looked at after."""
    person = hana.post("/api/v1/people/", {"full_name": "Ada"}, format="json").json()["id"]
    later = {"face_image_base64": "AAAA", "processing_mode": "async"}
    return {
        "verifications": cleo.post("/api/v1/verifications/", {}, format="json"),
        "recognize": hana.post("/api/v1/recognize/", later, format="json"),
        "captures": hana.post(f"/api/v1/people/{person}/captures/", {}, format="multipart"),
        "add-face": hana.post("/api/v1/add-face/", {"person_name": "A", "consent": CONSENT, **later}, format="json"),
    }


def test_nothing_more_is_taken_while_what_was_taken_waits_too_long(
    cleo: APIClient, hana: APIClient, waiting: Any
) -> None:
    waiting("verification", 901)
    waiting("enrollment", 901)
    for door, answer in doors(cleo, hana).items():
        assert (answer.status_code, codes(answer), answer["Retry-After"]) == (503, ["queue_too_old"], "60"), door


def test_what_was_taken_lately_or_is_under_way_or_was_put_back_holds_nobody_up(
    cleo: APIClient, hana: APIClient, waiting: Any
) -> None:
    waiting("verification", 800)
    waiting("verification", 5000, started_at=timezone.now())
    waiting("enrollment", 5000, state="done", finished_at=timezone.now())
    waiting("evidence_clip", 5000)
    for door, answer in doors(cleo, hana).items():
        assert answer.status_code != 503, door


def test_a_queue_of_one_kind_holds_up_that_kind_alone(cleo: APIClient, hana: APIClient, waiting: Any) -> None:
    waiting("enrollment", 901)
    answers = doors(cleo, hana)
    assert {door for door, answer in answers.items() if answer.status_code == 503} == {"captures", "add-face"}


def test_the_limit_can_be_set_and_lifted(cleo: APIClient, hana: APIClient, waiting: Any, settings: Settings) -> None:
    waiting("verification", 50)
    settings.QUEUE_TOO_OLD_S = 10
    assert doors(cleo, hana)["verifications"].status_code == 503
    settings.QUEUE_TOO_OLD_S = 0
    assert doors(cleo, hana)["verifications"].status_code == 400
