"""Two web processes and a worker's part, with Redis between them."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
import pytest_django
from django.conf import settings as configured

from heirloom.embedded.programs import web as web_program
from heirloom.embedded.serve import web_answers
from heirloom.jobs import news
from heirloom.live import hub
from heirloom.live.feeds import APPLICATION_NAME
from tests.cast import Cast
from tests.embedded.machines import free_port
from tests.live.conftest import Connect, Redis, Work, bearer, token_of
from tests.live.peers import Peer, hearing, holds, run, there
from tests.processes import Processes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def nodes(processes: Processes, redis: Redis, django_db_setup: None) -> Iterator[list[str]]:
    ports = {name: free_port() for name in ("node-1", "node-2")}
    for name, port in ports.items():
        processes.start(replace(web_program("127.0.0.1", port), name=name), REDIS_URL=redis.url)
    for name, port in ports.items():
        processes._await(processes.children[name], lambda port=port: web_answers(port), 60)  # type: ignore[misc]
    yield [f"http://127.0.0.1:{port}" for port in ports.values()]
    for name in ports:
        processes.stop(name)


@pytest.fixture
def over_redis(settings: pytest_django.Settings, redis: Redis) -> None:
    """Let this process tell of changes as a worker with REDIS_URL does."""
    settings.CHANNEL_LAYERS = {"live": {"BACKEND": "heirloom.jobs.news.RedisLayer", "CONFIG": {"url": redis.url}}}


def test_sockets_of_all_nodes_hear_alike_and_nobody_listens_at_the_database(
    nodes: list[str], over_redis: None, connect: Connect, cast: Cast, attempt: Work
) -> None:
    sockets = [connect(attempt.path, web=node, headers=bearer(cast.cleo)) for node in nodes for _ in range(2)]
    for socket in sockets:
        assert socket.next()["status"] == "queued"
    lease = attempt.take_up()
    for stage, progress in (("decoding", 5), ("analyzing", 50), ("deciding", 90)):
        lease.report(stage, progress)
        for socket in sockets:
            assert socket.until(progress=progress)["stage"] == stage
    with psycopg.connect(configured.DATABASE_URL) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [APPLICATION_NAME]
        ).fetchone()
    attempt.end(lease)
    for socket in sockets:
        assert socket.until(status="done")["outcome"] == "failed"
        assert socket.ending()[0] == 1000
    assert row == (0,)


def test_a_redis_that_goes_away_fails_no_job_and_costs_nobody_an_event(
    over_redis: None, redis: Redis, cast: Cast, attempt: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in {"PROVE_EVERY_S": 0.3, "HEARD_WITHIN_S": 0.5, "LONGEST_PAUSE_S": 1}.items():
        monkeypatch.setattr(hub, name, seconds)
    monkeypatch.setattr(news, "SILENT_S", 0)
    cleo = token_of(cast.cleo)

    async def main() -> None:
        peer = Peer(attempt.path, cleo)
        await hearing()
        await there(redis.stop)
        lease = await there(attempt.take_up)
        await there(lease.report, "analyzing", 50)
        await holds(lambda: bool(peer.events) and peer.events[-1]["progress"] == 50)
        await holds(lambda: not hub.hub().hears)
        await there(redis.start)
        await hearing()
        await there(attempt.end, lease)
        await holds(peer.task.done)
        assert (peer.code, peer.events[-1]["outcome"]) == (1000, "failed")

    run(main())
