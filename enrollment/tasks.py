"""The order of the work on visits and imports; services do it."""

import uuid

from enrollment.services import consents, enrollments, erasure, renewal
from enrollment.services.imports import lifecycle, work
from heirloom.celery import app
from heirloom.jobs.services import Lease


def process_enrollment(enrollment_id: uuid.UUID, lease: Lease) -> None:
    enrollments.process(enrollment_id, lease)


def enrollment_died(enrollment_id: uuid.UUID, code: str) -> None:
    enrollments.fail(enrollment_id=enrollment_id, code=code)


def process_import(import_id: uuid.UUID, lease: Lease) -> None:
    work.process(import_id, lease)


def import_died(import_id: uuid.UUID, code: str) -> None:
    work.died(import_id=import_id, code=code)


@app.task
def withdraw_expired_consents() -> int:
    return consents.withdraw_expired()


@app.task
def sweep_imports() -> int:
    return lifecycle.sweep()


@app.task
def renew_search_vectors() -> int:
    """Make search vectors of a former kind anew, for a while; the next ring goes on."""
    return renewal.renew_for(renewal.TURN_S)


@app.task
def complete_erasures() -> int:
    return erasure.complete()
