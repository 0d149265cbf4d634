"""The active pack as the database knows it, for programs that start before Django does."""

import psycopg

from heirloom import settings

_CONNECT_WITHIN_S = 3


def active_pack() -> str:
    """Return the pack that was activated last; VISION_PACK where none was, or where the database does not answer."""
    query = "SELECT pack FROM jobs_packactivation ORDER BY id DESC LIMIT 1"
    try:
        with psycopg.connect(settings.DATABASE_URL, connect_timeout=_CONNECT_WITHIN_S) as connection:
            row = connection.execute(query).fetchone()
    except psycopg.Error:
        return settings.VISION_PACK
    return str(row[0]) if row else settings.VISION_PACK
