"""/ws/v1/verifications/{id}/: what a client app hears while its verification is worked on."""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed

from enrollment.models import Enrollment, Person
from enrollment.services import enrollments
from heirloom.accounts.limits import GalleryLimit
from heirloom.api import keys
from heirloom.jobs import services as jobs
from heirloom.live.feeds import APPLICATION_NAME
from tests.cast import Cast, key_caller
from tests.jobs.workers import soon
from tests.live.conftest import Connect, Work, bearer, token_of
from tests.processes import Processes
from verification.services import verifications

pytestmark = pytest.mark.django_db(transaction=True)
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"


def test_each_stage_is_an_event_and_the_last_carries_the_outcome(connect: Connect, cast: Cast, attempt: Work) -> None:
    token = token_of(cast.cleo)
    socket = connect(attempt.path, headers={"Authorization": f"Bearer {token}"})
    assert socket.next() == attempt.polled(token)
    lease = attempt.take_up()
    assert socket.next()["status"] == "processing"
    for stage, progress in (("decoding", 5), ("analyzing", 40), ("analyzing", 90), ("deciding", 90)):
        lease.report(stage, progress)
        event = socket.until(stage=stage, progress=progress)
        assert event == attempt.polled(token)
    attempt.end(lease)
    last = socket.next()
    assert (last["status"], last["outcome"], last["reasons"]) == ("done", "failed", ["no_face"])
    assert last == attempt.polled(token)
    assert socket.ending() == (1000, "")


def test_who_comes_late_gets_the_present_state_first(connect: Connect, cast: Cast, attempt: Work) -> None:
    lease = attempt.take_up()
    lease.report("analyzing", 50)
    first = connect(attempt.path.rstrip("/"), headers=bearer(cast.cleo)).next()
    assert (first["status"], first["stage"], first["progress"]) == ("processing", "analyzing", 50)
    attempt.end(lease)
    late = connect(attempt.path, headers=bearer(cast.cleo))
    assert late.next()["outcome"] == "failed"
    assert late.ending() == (1000, "")


def test_a_cancelled_verification_ends_its_sockets(connect: Connect, cast: Cast, attempt: Work) -> None:
    socket = connect(attempt.path, headers=bearer(cast.cleo))
    socket.next()
    verifications.cancel(verification=attempt.row, actor=cast.cleo)
    assert list(socket.rest())[-1]["reasons"] == ["cancelled"]
    assert socket.ending()[0] == 1000


def test_what_a_caller_may_not_see_is_not_there(connect: Connect, cast: Cast, attempt: Work) -> None:
    for path in (attempt.path, f"/ws/v1/verifications/{uuid4()}/"):
        assert connect(path, headers=bearer(cast.carl)).ending() == (4404, "not_found")
    for path in ("/ws/v1/verifications/me/", "/ws/v1/people/x/", f"/ws/v1/jobs/{attempt.job.id}/", "/ws/", "/"):
        assert connect(path, headers=bearer(cast.hana)).ending() == (4404, "not_found")
    assert connect(attempt.path, headers=bearer(cast.hana)).next()["status"] == "queued"


def test_who_does_not_say_who_asks_is_refused(connect: Connect, cast: Cast, attempt: Work) -> None:
    token = token_of(cast.cleo)
    assert connect(attempt.path).ending() == (4401, "not_authenticated")
    assert connect(attempt.path, headers={"Authorization": "Bearer x"}).ending() == (4401, "token_not_valid")
    assert connect(attempt.path, headers={"X-API-Key": "hl_x"}).ending() == (4401, "invalid_api_key")
    assert connect(f"{attempt.path}?token={token}").ending() == (4401, "not_authenticated")
    assert connect(attempt.path, headers={"Cookie": "sessionid=x"}).ending() == (4401, "not_authenticated")


def test_a_browser_names_its_token_as_a_subprotocol(connect: Connect, cast: Cast, attempt: Work) -> None:
    socket = connect(attempt.path, subprotocols=["heirloom.v1", f"bearer.{token_of(cast.cleo)}"])
    assert socket.next()["status"] == "queued"
    assert socket.wire.subprotocol == "heirloom.v1"
    assert connect(attempt.path, subprotocols=["heirloom.v1", "bearer.x"]).ending() == (4401, "token_not_valid")


def test_a_token_that_ends_ends_the_socket_at_the_next_event(connect: Connect, cast: Cast, attempt: Work) -> None:
    lease = attempt.take_up()
    socket = connect(attempt.path, headers=bearer(cast.cleo, good_for=timedelta(seconds=3)))
    socket.next()
    time.sleep(3.2)
    lease.report("analyzing", 50)
    assert socket.ending() == (4401, "token_not_valid")


def test_a_revoked_key_ends_the_socket_at_the_next_event(connect: Connect, cast: Cast, attempt: Work) -> None:
    issued = keys.create(owner=cast.cleo, name="kiosk", actor=cast.cleo)
    socket = connect(attempt.path, headers={"X-API-Key": issued.secret})
    assert socket.next()["status"] == "queued"
    keys.revoke(key=issued.key, actor=cast.cleo)
    attempt.take_up()
    assert socket.ending() == (4401, "invalid_api_key")


def test_a_key_sees_no_more_than_by_polling(connect: Connect, cast: Cast, attempt: Work) -> None:
    limit = GalleryLimit(departments=frozenset({"Research"}))
    issued = keys.create(owner=cast.cleo, name="limited", actor=cast.cleo, gallery=limit)
    assert key_caller(issued.secret).get(f"/api/v1/verifications/{attempt.row.id}/").status_code == 404
    assert connect(attempt.path, headers={"X-API-Key": issued.secret}).ending() == (4404, "not_found")


def test_a_visit_is_followed_likewise_by_hr_alone(connect: Connect, cast: Cast) -> None:
    person = Person.objects.create(full_name="Grace Hopper")
    visit = Enrollment.objects.create(person=person, source="api")
    job = jobs.enqueue(kind="enrollment", subject_id=visit.id, owner=cast.hana, queue="vision")
    path = f"/ws/v1/enrollments/{visit.id}/"
    assert connect(path, headers=bearer(cast.cleo)).ending() == (4403, "permission_denied")
    socket = connect(path, headers=bearer(cast.hana))
    assert socket.next()["status"] == "processing"
    lease = jobs.claim(job_id=job.id)
    assert lease is not None
    lease.report("analyzing", 50)
    assert socket.until(progress=50)["stage"] == "analyzing"
    with lease.effects():
        enrollments.fail(enrollment_id=visit.id, code="interrupted")
    assert socket.until(status="done")["outcome"] == "failed"
    assert socket.ending()[0] == 1000


def test_what_a_client_sends_is_not_read_and_too_much_ends_the_socket(
    connect: Connect, cast: Cast, attempt: Work
) -> None:
    socket = connect(attempt.path, headers=bearer(cast.cleo))
    socket.next()
    for garbage in ("ping", '{"type": "websocket.close"}', b"\x00\xff", "{" * 1000):
        socket.wire.send(garbage)
    lease = attempt.take_up()
    assert socket.until(status="processing")
    with suppress(ConnectionClosed):  # the server may end it while some are still to be sent
        for _ in range(120):
            socket.wire.send("x")
    assert socket.ending() == (1008, "too_much_sent")
    large = connect(attempt.path, headers=bearer(cast.cleo))
    large.wire.send("x" * 100_000)
    assert large.ending()[0] == 1009
    attempt.end(lease)


def test_a_listening_connection_that_is_cut_costs_nobody_an_event(connect: Connect, cast: Cast, attempt: Work) -> None:
    socket = connect(attempt.path, headers=bearer(cast.cleo))
    socket.next()
    lease = attempt.take_up()
    socket.until(status="processing")
    before = listeners()
    assert len(before) == 1
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", before)
    lease.report("analyzing", 60)
    assert socket.until(progress=60)["stage"] == "analyzing"
    attempt.end(lease)
    assert socket.until(status="done")["outcome"] == "failed"
    fresh = Work(cast.cleo)
    again = connect(fresh.path, headers=bearer(cast.cleo))
    again.next()
    fresh.end(fresh.take_up())
    assert again.until(status="done")
    assert listeners() not in ([], before)


def listeners() -> list[int]:
    with psycopg.connect(settings.DATABASE_URL) as connection:
        return [pid for (pid,) in connection.execute(BACKENDS, [APPLICATION_NAME]).fetchall()]


def test_a_hundred_sockets_hear_the_same_over_one_connection(web: str, cast: Cast, attempt: Work) -> None:
    lease = attempt.take_up()
    endings = asyncio.run(follow_many(web, attempt, lease, token_of(cast.cleo)))
    assert endings == [("failed", 1000)] * 100
    assert len(listeners()) == 1


async def follow_many(web: str, attempt: Work, lease: jobs.Lease, token: str) -> list[tuple[str, int | None]]:
    address, headers = web.replace("http://", "ws://") + attempt.path, {"Authorization": f"Bearer {token}"}
    ready = asyncio.Semaphore(0)

    async def follow() -> tuple[str, int | None]:
        async with connect_async(address, additional_headers=headers, proxy=None, open_timeout=60) as socket:
            event = json.loads(await socket.recv())
            ready.release()
            async for message in socket:
                event = json.loads(message)
            return event["outcome"], socket.close_code

    following = [asyncio.create_task(follow()) for _ in range(100)]
    for _ in following:
        await ready.acquire()
    await database_sync_to_async(lease.report)("analyzing", 50)
    await database_sync_to_async(attempt.end)(lease)
    return await asyncio.gather(*following)


def test_one_caller_may_not_take_all_sockets_nor_all_callers_more_than_there_are(
    connect: Connect, cast: Cast, attempt: Work
) -> None:
    held = [connect(attempt.path, headers=bearer(cast.cleo)) for _ in range(110)]
    assert connect(attempt.path, headers=bearer(cast.cleo)).ending() == (1013, "too_many_sockets")
    others = [connect(attempt.path, headers=bearer(cast.hana)) for _ in range(5)]
    assert connect(attempt.path, headers=bearer(cast.ada)).ending() == (1013, "too_many_sockets")
    for socket in (*held, *others):
        socket.close()
    soon(lambda: next(connect(attempt.path, headers=bearer(cast.ada)).rest(), None) is not None)


def test_a_web_server_that_stops_says_so_and_stops_soon(
    connect: Connect, cast: Cast, attempt: Work, processes: Processes
) -> None:
    socket = connect(attempt.path, headers=bearer(cast.cleo))
    socket.next()
    started = time.monotonic()
    os.kill(processes.children["web"].pid, signal.SIGTERM)
    assert socket.ending()[0] == 1012
    assert processes.children["web"].wait(15)
    assert time.monotonic() - started < 12
