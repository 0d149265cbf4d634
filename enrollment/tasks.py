"""The order of the work on a visit; services do it."""

import uuid

from enrollment.services import consents, enrollments
from heirloom.celery import app
from heirloom.jobs.services import Lease


def process_enrollment(enrollment_id: uuid.UUID, lease: Lease) -> None:
    enrollments.process(enrollment_id, lease)


def enrollment_died(enrollment_id: uuid.UUID, code: str) -> None:
    enrollments.fail(enrollment_id=enrollment_id, code=code)


@app.task
def withdraw_expired_consents() -> int:
    return consents.withdraw_expired()
