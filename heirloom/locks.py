"""Waiting for whoever writes the same name, where a refused INSERT would tell the log what stood in it."""

import hashlib
from collections.abc import Iterable

from django.db import connection


def hold(names: Iterable[str]) -> None:
    """Let others that hold one of these names wait for the end of this transaction, in one order for all.

    Locks are on 64 bits of a hash: two names that share them wait for each other, and nothing worse.
    """
    digests = (hashlib.sha256(b"heirloom name " + name.encode()).digest() for name in names)
    with connection.cursor() as cursor:
        for lock in sorted({int.from_bytes(digest[:8], "big", signed=True) for digest in digests}):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
