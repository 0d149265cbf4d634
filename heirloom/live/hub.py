"""What the sockets of one web process share: one connection that hears of changes, and one look for all who see alike.

Nothing here queues. A change makes a watch look again, and each socket sends the newest state that it has not sent, so
however much changes and however slowly a client reads, memory holds one state for each watch.
"""

import asyncio
import logging
import random
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from heirloom.jobs import news
from heirloom.live import feeds
from heirloom.live.reading import Close, Scope, State, Subject, look

logger = logging.getLogger(__name__)
LOOKS_AT_ONCE = 4
# Sockets look again so often though nothing was heard: for a credential that ended, a message that was lost, and a
# proxy that would end a silent connection. While nothing can be heard, they look as often as one would poll.
CALM_S, DEAF_S = 25.0, 2.0
# Changes that come faster are told as one.
APART_S = 0.05
PROVE_EVERY_S, HEARD_WITHIN_S = 15.0, 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 15.0
# The connection outlives the last socket a little, for the next one.
LINGER_S = 60.0

_looks = ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="live")


class Watch:
    """One subject as one credential sees it, for all its sockets; looks until nothing more will come."""

    def __init__(self, hub: "Hub", subject: Subject, scope: Scope) -> None:
        self._hub, self._subject, self._scope = hub, subject, scope
        self._stale, self._news = asyncio.Event(), asyncio.Event()
        self._state = State(0)
        self._task: asyncio.Task[None] | None = None
        self.sockets = 0

    @property
    def has_ended(self) -> bool:
        return self._state.close is not None

    def start(self) -> None:
        self._task = self._task or asyncio.create_task(self._run(), name=f"live {self._subject.topic}")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def wake(self) -> None:
        """Look again soon."""
        self._stale.set()

    def offer(self, state: State) -> None:
        """Take a state unless a newer one is here, and let the sockets send it."""
        if state.number > self._state.number and not self.has_ended:
            self._state = state
            self._news.set()
            self._news = asyncio.Event()

    async def after(self, number: int) -> State:
        """Return the newest state once it is newer than this number."""
        while self._state.number <= number:
            await self._news.wait()
        return self._state

    async def _run(self) -> None:
        try:
            while not self.has_ended:
                await self._hub.until_stale(self._stale)
                self._stale.clear()
                state = await self._hub.look(self._subject, self._scope)
                if state is not None:
                    self.offer(state)
                await asyncio.sleep(APART_S if state is not None else DEAF_S)
        except Exception:
            # A bug of a view's: its sockets must not wait for ever for the task that failed.
            logger.exception("following %s", self._subject.topic)
            self.offer(State(self._hub.next_number(), close=Close.FAILED))


class Hub:
    """The sockets of one event loop, and what they follow. The feed stands while there are any."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.sockets = 0
        self.callers: Counter[str] = Counter()
        self.hears = False
        self._watches: dict[tuple[str, tuple[tuple[bytes, bytes], ...]], Watch] = {}
        self._by_topic: dict[str, set[Watch]] = {}
        self._numbers = 0
        self._probe, self._echo = f"probe:{uuid.uuid4()}", asyncio.Event()
        self._feed: asyncio.Task[None] | None = None
        self._linger: asyncio.TimerHandle | None = None

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    async def look(self, subject: Subject, scope: Scope, *, is_first: bool = False) -> State | None:
        """Look in one of a few threads; None when nothing can be seen at the moment."""
        see = database_sync_to_async(look, thread_sensitive=False, executor=_looks)
        seen: State | None = await see(subject, scope, number=self.next_number(), is_first=is_first)
        return seen

    def join(self, subject: Subject, scope: Scope, credential: tuple[tuple[bytes, bytes], ...]) -> Watch:
        """Return the watch of a subject by a credential, which hears of every change from now on."""
        key = (subject.topic, credential)
        watch = self._watches.get(key)
        if watch is None or watch.has_ended:
            watch = self._watches[key] = Watch(self, subject, scope)
            self._by_topic.setdefault(subject.topic, set()).add(watch)
        watch.sockets += 1
        self._listen()
        return watch

    def leave(self, subject: Subject, credential: tuple[tuple[bytes, bytes], ...], watch: Watch) -> None:
        watch.sockets -= 1
        if watch.sockets:
            return
        watch.stop()
        if self._watches.get((subject.topic, credential)) is watch:
            del self._watches[subject.topic, credential]
        self._by_topic[subject.topic].discard(watch)
        if not self._by_topic[subject.topic]:
            del self._by_topic[subject.topic]
        if not self._by_topic:
            self._linger = self.loop.call_later(LINGER_S, self._fall_silent)

    def forget_caller(self, caller: str) -> None:
        """Count one socket less of a caller."""
        self.callers[caller] -= 1
        if not self.callers[caller]:
            del self.callers[caller]

    async def until_stale(self, stale: asyncio.Event) -> None:
        """Return when a watch should look again: something was heard, or it has been silent for long."""
        try:
            async with asyncio.timeout(CALM_S if self.hears else DEAF_S):
                await stale.wait()
        except TimeoutError:
            return

    def _listen(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._feed is None or self._feed.done():
            self._feed = asyncio.create_task(self._attend(), name="live feed")

    def _fall_silent(self) -> None:
        if self._feed is not None:
            self._feed.cancel()
            self._feed = None

    async def _attend(self) -> None:
        """Keep a feed that is proven to hear; whenever it hears anew or no more, every watch looks for itself."""
        pause = FIRST_PAUSE_S
        try:
            while True:
                try:
                    async with asyncio.TaskGroup() as both:
                        connected = asyncio.Event()
                        both.create_task(self._hear(connected))
                        both.create_task(self._prove(connected))
                except* (psycopg.Error, RedisError, DatabaseError, OSError) as lost:
                    names = {type(one).__name__ for one in lost.exceptions}
                    logger.warning("changes are not heard of (%s); sockets look every %g s", ", ".join(names), DEAF_S)
                pause = FIRST_PAUSE_S if self.hears else min(2 * pause, LONGEST_PAUSE_S)
                self._set_hears(False)
                await asyncio.sleep(pause * random.uniform(0.5, 1))
        finally:
            self._set_hears(False)

    async def _hear(self, connected: asyncio.Event) -> None:
        async for topic in feeds.topics():
            if topic == feeds.CONNECTED:
                connected.set()
            elif topic == self._probe:
                self._echo.set()
            for watch in self._by_topic.get(topic, ()):
                watch.wake()
        raise ConnectionError

    async def _prove(self, connected: asyncio.Event) -> None:
        """Tell ourselves something now and then: a connection may be dead, and a pooler passes nothing on.

        Raises TimeoutError if it is not heard.
        """
        tell = database_sync_to_async(news.tell_topic, thread_sensitive=False, executor=_looks)
        await connected.wait()
        while True:
            self._echo.clear()
            async with asyncio.timeout(HEARD_WITHIN_S):
                await tell(self._probe)
                await self._echo.wait()
            self._set_hears(True)
            await asyncio.sleep(PROVE_EVERY_S)

    def _set_hears(self, hears: bool) -> None:
        if hears != self.hears:
            self.hears = hears
            for watches in self._by_topic.values():
                for watch in watches:
                    watch.wake()


_hub: Hub | None = None


def hub() -> Hub:
    """Return the hub of the running event loop."""
    global _hub  # noqa: PLW0603 - a web process has one loop, and one hub
    if _hub is None or _hub.loop is not asyncio.get_running_loop():
        _hub = Hub()
    return _hub
