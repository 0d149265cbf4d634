"""Who is alive: every long-lived process writes a row every few seconds; doctor and /readyz read them."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.models.functions import Now
from django.utils import timezone

from heirloom.jobs.models import WorkerHeartbeat

logger = logging.getLogger(__name__)
EVERY_S = 5.0
# Three missed beats: a busy machine may skip one.
_GOOD_FOR = timedelta(seconds=4 * EVERY_S)
_FORGET_AFTER = timedelta(days=1)

Details = Callable[[], Mapping[str, object]]


def beat(*, name: str, kind: str, details: Mapping[str, object] | None = None) -> None:
    """Write that a process is alive; `details` is JSON for the operator."""
    values = {"kind": kind, "seen_at": Now(), "good_until": Now() + _GOOD_FOR, "details": dict(details or {})}
    if not WorkerHeartbeat.objects.filter(pk=name).update(**values):
        WorkerHeartbeat.objects.bulk_create(
            [WorkerHeartbeat(name=name, **values)],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=list(values),
        )


def sign_off(*, name: str) -> None:
    """Forget a process that ends in order, and all that have been silent for a day."""
    WorkerHeartbeat.objects.filter(pk=name).delete()
    WorkerHeartbeat.objects.filter(seen_at__lt=timezone.now() - _FORGET_AFTER).delete()


class Pulse:
    """A thread that writes this process's heartbeat, and does `each_time` with it, until it is stopped.

    A database that is away is logged and tried again at the next beat.
    """

    def __init__(
        self, *, name: str, kind: str, details: Details = dict, each_time: Callable[[], object] = lambda: None
    ) -> None:
        self.name, self.kind, self.details, self.each_time = name, kind, details, each_time
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pulse {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and sign off; nothing happens if it was never started."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        self._try(self._beat)
        while not self._stop.wait(EVERY_S):
            self._try(self._beat)
        self._try(lambda: sign_off(name=self.name))

    def _beat(self) -> None:
        beat(name=self.name, kind=self.kind, details=self.details())
        self.each_time()

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except DatabaseError as error:
            logger.warning("no heartbeat of %s: %s", self.name, type(error).__name__)
        except Exception:
            # The thread must outlive whatever a beat stumbles over; the process it speaks for is alive.
            logger.exception("heartbeat of %s", self.name)
        finally:
            connection.close()
