"""Work made for tests: its one effect is a row in test_effect."""

import os
import time
from uuid import UUID

from django.db import connection

from heirloom.errors import Refusal
from heirloom.jobs.services import Lease


def work(subject_id: UUID, lease: Lease) -> None:
    """Take WORK_S seconds, with everything started and nothing written, then write once."""
    lease.report("working", 10)
    time.sleep(float(os.environ.get("WORK_S", "0")))
    with lease.effects():
        write_effect(subject_id, f"attempt {lease.attempt}")


def crash(subject_id: UUID, lease: Lease) -> None:
    with lease.effects():
        write_effect(subject_id, "never to be seen")
        raise ZeroDivisionError


def refuse(subject_id: UUID, lease: Lease) -> None:
    raise Refusal("no_face")


def unavailable(subject_id: UUID, lease: Lease) -> None:
    raise Refusal("vision_unavailable")


def late(subject_id: UUID, lease: Lease) -> None:
    """Notice the failure itself and record it as the outcome."""
    with lease.effects(error_code="invalid_video"):
        write_effect(subject_id, "failed")


def idle(subject_id: UUID, lease: Lease) -> None:
    pass


def died(subject_id: UUID, code: str) -> None:
    write_effect(subject_id, f"died of {code}")


def write_effect(subject_id: UUID, what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_effect (subject_id, what) VALUES (%s, %s)", [subject_id, what])


def effects(subject_id: UUID) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT what FROM test_effect WHERE subject_id = %s ORDER BY at", [subject_id])
        return [what for (what,) in cursor.fetchall()]
