"""Telling whoever follows a subject that it changed: by PostgreSQL's NOTIFY, or over Redis where there is one.

What is told is a topic, "<kind>:<id>" and nothing else; whoever hears it looks for itself, as far as it may. A message
may be lost, or heard twice.
"""

import logging
import time
from functools import partial
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings
from django.db import connection, transaction
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
CHANNEL = "heirloom_live"
"""The channel of NOTIFY, and the group of the channel layer."""
LAYER = "live"
# A Redis that hangs must not hold up jobs at every step of theirs: after a failure nothing is told for so long.
SILENT_S = 5.0
_silent_until = 0.0


class RedisLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """The channel layer over a Redis, which is not waited for long."""

    def __init__(self, url: str) -> None:
        super().__init__(hosts=[{"address": url, "socket_connect_timeout": 2, "socket_timeout": 5}])


def topic(kind: str, subject_id: UUID) -> str:
    return f"{kind}:{subject_id}"


def tell(kind: str, subject_id: UUID) -> None:
    """Say, if and when the caller's transaction commits, that a subject changed; a kind nobody can follow is passed."""
    if kind in settings.LIVE_KINDS:
        tell_topic(topic(kind, subject_id))


def tell_topic(told: str) -> None:
    """Say a topic if and when the caller's transaction commits."""
    if get_channel_layer(LAYER) is not None:
        transaction.on_commit(partial(_publish, told), robust=True)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, told])


def _publish(told: str) -> None:
    global _silent_until  # noqa: PLW0603 - one process, one memory of when Redis failed
    if time.monotonic() < _silent_until:
        return
    try:
        async_to_sync(get_channel_layer(LAYER).group_send)(CHANNEL, {"type": "changed", "topic": told})
    except (RedisError, OSError) as error:
        _silent_until = time.monotonic() + SILENT_S
        logger.warning("whoever follows %s was not told of a change: %s", told, type(error).__name__)
