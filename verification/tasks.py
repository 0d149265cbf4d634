"""The order of the work on verifications and challenges; services do it."""

import uuid

from heirloom.celery import app
from heirloom.jobs.services import Lease
from verification.services import attempts, challenges, clips, verifications


def process_verification(verification_id: uuid.UUID, lease: Lease) -> None:
    verifications.process(verification_id, lease)


def verification_died(verification_id: uuid.UUID, code: str) -> None:
    verifications.fail(verification_id=verification_id, code=code)


def make_evidence_clip(verification_id: uuid.UUID, lease: Lease) -> None:
    clips.make(verification_id, lease)


def evidence_clip_died(verification_id: uuid.UUID, code: str) -> None:
    clips.fail(verification_id=verification_id, code=code)


@app.task
def sweep_challenges() -> int:
    return challenges.sweep()


@app.task
def sweep_attempts() -> int:
    return attempts.sweep()
