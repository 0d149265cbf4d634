"""The order of the work on a verification; services do it."""

import uuid

from heirloom.jobs.services import Lease
from verification.services import verifications


def process_verification(verification_id: uuid.UUID, lease: Lease) -> None:
    verifications.process(verification_id, lease)


def verification_died(verification_id: uuid.UUID, code: str) -> None:
    verifications.fail(verification_id=verification_id, code=code)
