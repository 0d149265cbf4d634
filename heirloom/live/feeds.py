"""Where a web process hears of changes: one connection to PostgreSQL that listens, or Redis where there is one."""

import asyncio
from collections.abc import AsyncIterator

from channels.layers import get_channel_layer
from django.conf import settings
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from heirloom.jobs.news import CHANNEL, LAYER

CONNECTED = ""
CONNECT_WITHIN_S = 5
APPLICATION_NAME = "heirloom live"


def topics() -> AsyncIterator[str]:
    """Yield CONNECTED once nothing can be missed any more, then every topic that is told, until the connection breaks.

    Raises psycopg.Error, RedisError or OSError when it does.
    """
    return _from_postgres() if get_channel_layer(LAYER) is None else _from_layer()


async def _from_postgres() -> AsyncIterator[str]:
    # A connection of its own: in the pool it would be lent to somebody else, and a pooler would not pass on what comes.
    address = settings.LIVE_DATABASE_URL or settings.DATABASE_URL
    async with await AsyncConnection.connect(
        address, autocommit=True, connect_timeout=CONNECT_WITHIN_S, application_name=APPLICATION_NAME
    ) as connection:
        await connection.execute(SQL("LISTEN {}").format(Identifier(CHANNEL)))
        yield CONNECTED
        async for notice in connection.notifies():
            yield notice.payload


async def _from_layer() -> AsyncIterator[str]:
    layer = get_channel_layer(LAYER)
    async with asyncio.timeout(CONNECT_WITHIN_S):
        # Its connections of before may be waiting for a Redis that is gone, and keep others waiting with them.
        await layer.flush()
        channel = await layer.new_channel()
        await layer.group_add(CHANNEL, channel)
    try:
        yield CONNECTED
        while True:
            yield (await layer.receive(channel))["topic"]
    finally:
        await layer.flush()
