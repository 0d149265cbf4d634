"""How many events a second the audit log takes: as it is, and as it was with hashes alone, in turns in one run.

Without waiting for the disk (fsync off), which would hide what the key costs. The log that comes of it holds nothing:
events with a key and without take turns in it.

python -m bench.audit_log [--events 2000]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from heirloom.embedded import postgres

ROUNDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.audit_log", description=__doc__)
    parser.add_argument("--events", type=int, default=2000, help="of each kind")
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory(prefix="heirloom-bench-") as folder:
        os.environ |= {"HEIRLOOM_VAR": folder, "HEIRLOOM_ENV_FILE": os.devnull, "LOG_LEVEL": "WARNING"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "heirloom.settings"
        os.environ.pop("DATABASE_URL", None)
        with postgres.running(Path(folder), {"fsync": "off"}):
            _measure(events // ROUNDS)


def _measure(batch: int) -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from heirloom.audit.models import Action  # noqa: PLC0415
    from heirloom.audit.services import record  # noqa: PLC0415

    call_command("migrate", verbosity=0)

    def now() -> None:
        record(action=Action.EVIDENCE_VIEWED, subject_kind="verification", subject_id=UUID(int=7), details={"frame": 1})

    ways: dict[str, Callable[[], None]] = {"with hashes alone": _former, "vouched for by a key": now}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, append in ways.items():
            began = time.perf_counter()
            for _ in range(batch):
                append()
            took[name].append((time.perf_counter() - began) / batch)
    medians = {name: statistics.median(each) for name, each in took.items()}
    for name, each_s in medians.items():
        print(f"{name}: {1 / each_s:,.0f} events/s ({1000 * each_s:.2f} ms each, median of {ROUNDS} rounds of {batch})")
    former, present = medians.values()
    print(f"the key costs {100 * (present / former - 1):+.1f} %")


def _former() -> None:
    """Append as it was done before events were keyed."""
    from django.db import connection, transaction  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from heirloom.audit import services  # noqa: PLC0415
    from heirloom.audit.models import Action, AuditEvent  # noqa: PLC0415

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [services._APPEND_LOCK])
        last = AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash").first() or (0, "0" * 64)
        event = AuditEvent(
            sequence=last[0] + 1,
            at=timezone.now(),
            actor_kind="system",
            action=Action.EVIDENCE_VIEWED,
            subject_kind="verification",
            subject_id=UUID(int=7),
            details=services._plain({"frame": 1}),
            previous_hash=last[1],
        )
        event.hash = services.hash_of(event)
        event.save(force_insert=True)


if __name__ == "__main__":
    main()
