"""What the broker can ask a worker for, and what a worker does when it starts and ends."""

import os
import socket
from uuid import UUID

from celery.signals import worker_ready, worker_shutdown

from heirloom.celery import app
from heirloom.crypto import orphans, renewal
from heirloom.crypto import services as crypto
from heirloom.crypto.files import delete_forgotten
from heirloom.crypto.scratch import sweep_plaintext
from heirloom.jobs import services, vision_calls, vision_meters
from heirloom.jobs.liveness import Pulse
from heirloom.jobs.vision import beside

_TURN_S = 20.0
"""A broker hands work out again that takes a minute."""


@app.task
def run_job(job_id: str) -> bool:
    """Do a job if it still waits; say whether it did."""
    return services.run(job_id=UUID(job_id))


@app.task
def see(call_id: str) -> None:
    """Compute a vision call of the web process (VISION_MODE=celery)."""
    vision_calls.answer(call_id=UUID(call_id), vision=beside())


@app.task
def sweep() -> None:
    services.sweep()
    vision_calls.forget_old()
    delete_forgotten()
    crypto.destroy_shares()


@app.task
def sweep_orphans() -> int:
    """Delete files that no row names, which processes that were killed left behind."""
    return orphans.sweep()


@app.task
def give_shares() -> int:
    """Give a share to each data key of a former version, for a while; the next ring goes on."""
    return crypto.give_shares_for(_TURN_S)


@app.task
def renew_at_rest() -> int:
    """Make what lies at rest in a former way anew, for a while; the next ring goes on."""
    return sum(renewed.done for renewed in renewal.renew_for(_TURN_S).values())


def _each_time() -> None:
    """Every worker sweeps too, so work that a killed one left goes on even where beat is down."""
    services.sweep()
    vision_meters.tell()


_pulse = Pulse(
    name=f"worker {socket.gethostname()} {os.getpid()}",
    kind="worker",
    details=lambda: {"host": socket.gethostname(), "pid": os.getpid()},
    each_time=_each_time,
)


@worker_ready.connect
def _begin(**_: object) -> None:
    sweep_plaintext()
    _pulse.start()


@worker_shutdown.connect
def _end(**_: object) -> None:
    _pulse.stop()
