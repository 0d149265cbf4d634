"""What the sockets of one web process share, seen from the server's side: how often it looks, and what it keeps."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_django
from django.core.cache import cache
from django.db.backends.signals import connection_created

from heirloom.accounts.models import User
from heirloom.api.throttles import CallerThrottle
from heirloom.live import consumers, feeds, hub
from tests.cast import Cast
from tests.live.conftest import Work, token_of
from tests.live.peers import Peer, hearing, holds, run, there

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cleo(cast: Cast) -> str:
    """A token of hers."""
    return token_of(cast.cleo)


@pytest.fixture
def queries() -> Iterator[list[str]]:
    """The statements of the threads that look, as they come."""
    asked: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    def listen(connection: Any, **_: Any) -> None:
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)

    connection_created.connect(listen)
    yield asked
    connection_created.disconnect(listen)


def test_sockets_of_one_credential_share_each_look(cleo: str, attempt: Work, queries: list[str]) -> None:
    async def main() -> None:
        lease = await there(attempt.take_up)
        peers = [Peer(attempt.path, cleo) for _ in range(100)]
        await holds(lambda: all(peer.events for peer in peers), 60)
        await hearing()
        await asyncio.sleep(0.5)
        queries.clear()
        await there(lease.report, "analyzing", 50)
        await holds(lambda: all(peer.events[-1]["progress"] == 50 for peer in peers))
        looks = [sql for sql in queries if 'FROM "verification_verification"' in sql]
        assert 1 <= len(looks) <= 2
        assert len(queries) <= 15
        await there(attempt.end, lease)
        await holds(lambda: all(peer.task.done() for peer in peers))
        assert {peer.code for peer in peers} == {1000}

    run(main())


def test_changes_that_come_faster_than_a_client_reads_are_told_as_one(cleo: str, attempt: Work) -> None:
    async def main() -> None:
        lease = await there(attempt.take_up)
        slow, quick = Peer(attempt.path, cleo), Peer(attempt.path, cleo)
        await holds(lambda: bool(slow.events and quick.events))
        await hearing()
        slow.takes.clear()
        for progress in range(10, 60):
            await there(lease.report, "analyzing", progress)
            await asyncio.sleep(0.02)
        await there(attempt.end, lease)
        await holds(quick.task.done)
        slow.takes.set()
        await holds(slow.task.done)
        assert len(slow.events) <= 4
        assert slow.events[-1] == quick.events[-1]
        told = [event["progress"] for event in quick.events]
        assert told == sorted(told)
        assert (slow.code, slow.events[-1]["outcome"]) == (1000, "failed")

    run(main())


def test_a_client_that_takes_nothing_is_left(cleo: str, attempt: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "CLOSED_WITHIN_S", 0.2)

    async def main() -> None:
        stuck = Peer(attempt.path, cleo)
        await holds(lambda: bool(stuck.events))
        await hearing()
        monkeypatch.setattr(consumers, "SENT_WITHIN_S", 0.2)  # not before: its first event may take longer when busy
        stuck.takes.clear()
        await there(attempt.take_up)
        await holds(stuck.task.done)
        assert (hub.hub().sockets, dict(hub.hub().callers)) == (0, {})

    run(main())


def test_a_socket_lives_only_so_long(cleo: str, attempt: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "LONGEST_S", 0.5)

    async def main() -> None:
        peer = Peer(attempt.path, cleo)
        await holds(peer.task.done)
        assert (len(peer.events), peer.code) == (1, 4408)

    run(main())


def test_a_token_that_ends_ends_the_socket_though_nothing_happens(
    cast: Cast, attempt: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hub.CALM_S < 60
    monkeypatch.setattr(hub, "CALM_S", 0.3)
    token = token_of(cast.cleo, good_for=timedelta(seconds=2))

    async def main() -> None:
        peer = Peer(attempt.path, token)
        await hearing()
        await holds(peer.task.done)
        assert peer.code == 4401

    run(main())


def test_a_login_switched_off_meanwhile_ends_its_sockets(cast: Cast, cleo: str, attempt: Work) -> None:
    async def main() -> None:
        peer = Peer(attempt.path, cleo)
        await holds(lambda: bool(peer.events))
        await hearing()
        await there(User.objects.filter(pk=cast.cleo.pk).update, is_active=False)
        await there(attempt.take_up)
        await holds(peer.task.done)
        assert peer.code == 4401

    run(main())


def test_where_nothing_can_be_heard_sockets_look_as_often_as_one_would_poll(
    cleo: str, attempt: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler that lends a server connection for each transaction alone: LISTEN works, and hears nothing."""
    monkeypatch.setattr(feeds, "CHANNEL", "nobody_tells_here")
    monkeypatch.setattr(hub, "HEARD_WITHIN_S", 0.3)

    async def main() -> None:
        peer = Peer(attempt.path, cleo)
        await holds(lambda: bool(peer.events))
        lease = await there(attempt.take_up)
        await there(attempt.end, lease)
        await holds(peer.task.done, 3 * hub.DEAF_S)
        assert not hub.hub().hears
        assert (peer.code, peer.events[-1]["outcome"]) == (1000, "failed")

    run(main())


def test_a_database_that_is_away_is_waited_for(cleo: str, attempt: Work, settings: pytest_django.Settings) -> None:
    settings.LIVE_DATABASE_URL = "postgresql://nobody@127.0.0.1:1/none"

    async def main() -> None:
        peer = Peer(attempt.path, cleo)
        await holds(lambda: bool(peer.events))
        await there(attempt.take_up)
        await holds(lambda: peer.events[-1]["status"] == "processing", 3 * hub.DEAF_S)
        await peer.leave()

    run(main())


def test_the_connection_that_listens_goes_with_the_last_socket(
    cleo: str, attempt: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LINGER_S", 0.1)

    async def main() -> None:
        for _ in range(2):
            peer = Peer(attempt.path, cleo)
            await holds(lambda peer=peer: bool(peer.events))  # type: ignore[misc]
            await hearing()
            await peer.leave()
            await holds(lambda: not hub.hub().hears)
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("live")]

    run(main())


def test_plain_http_is_refused_where_https_is_asked_for(
    cleo: str, attempt: Work, settings: pytest_django.Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    async def main() -> None:
        plain = Peer(attempt.path, cleo)
        await holds(plain.task.done)
        assert (plain.code, plain.events) == (4403, [])

    run(main())


def test_only_the_handshake_counts_as_a_request(cleo: str, attempt: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {**CallerThrottle.THROTTLE_RATES, "caller": "1/min"})

    async def main() -> None:
        peer = Peer(attempt.path, cleo)
        await holds(lambda: bool(peer.events))
        await hearing()
        await there(attempt.take_up)
        await holds(lambda: peer.events[-1]["status"] == "processing")
        late = Peer(attempt.path, cleo)
        await holds(late.task.done)
        assert late.code == 1013
        await peer.leave()

    run(main())
    cache.clear()
