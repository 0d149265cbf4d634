"""Fill the database of a bench with made-up people and their verifications: `python -m bench.crowd 10000`.

Nobody exists: names are drawn from syllables, vectors are random. The rows are those that the product writes, with
their sealed and protected vectors; only the files of captures are missing.
"""

import random
import sys
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import django
import numpy as np
from numpy.typing import NDArray

SYLLABLES = ("ba", "da", "fe", "go", "hi", "ka", "lo", "mi", "na", "po", "ra", "se", "ti", "vu", "wa", "zo")
DEPARTMENTS = ("Finance", "Research", "Operations", "Sales", "Logistics", "Legal", "Support", "Security")
OUTCOMES = ("approved", "approved", "approved", "rejected", "needs_review")
MODEL, POLICY, DIMENSIONS = "dlib-resnet-v1-avg3", "dlib-resnet-v1-avg3@bench", 128
FRAMES = 3
BATCH = 1000


def main(count: int, owner_name: str) -> None:
    django.setup()
    from django.db import connection, transaction  # noqa: PLC0415 - after the setup, as all that touches a row

    from heirloom.accounts.models import User  # noqa: PLC0415

    owner = User.objects.get(username=owner_name)
    draw, numbers = random.Random(7), np.random.default_rng(7)
    for start in range(0, count, BATCH):
        with transaction.atomic():
            people = _people(draw, range(start, min(start + BATCH, count)))
            _templates(people, numbers)
            _verifications(people, owner.pk, draw)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _people(draw: random.Random, numbers: Iterable[int]) -> list[uuid.UUID]:
    from enrollment.models import Consent, Person  # noqa: PLC0415

    rows = Person.objects.bulk_create(
        Person(
            employee_id=f"B-{number:06}",
            full_name=f"{_word(draw)} {_word(draw)}",
            department=draw.choice(DEPARTMENTS),
            position="Member of staff",
        )
        for number in numbers
    )
    given_at = datetime(2026, 1, 5, tzinfo=UTC)
    Consent.objects.bulk_create(
        Consent(person=row, policy_version="bench", purpose="bench", method="written", given_at=given_at)
        for row in rows
    )
    return [row.id for row in rows]


def _templates(people: list[uuid.UUID], numbers: np.random.Generator) -> None:
    from pgvector import HalfVector  # noqa: PLC0415

    from enrollment.models import PersonTemplate  # noqa: PLC0415
    from enrollment.services import protection  # noqa: PLC0415
    from enrollment.services.templates import mean_place  # noqa: PLC0415
    from heirloom.crypto import services as crypto  # noqa: PLC0415

    turn = protection.in_force(MODEL)

    def row(person: uuid.UUID, vector: NDArray[np.float32]) -> PersonTemplate:
        return PersonTemplate(
            person_id=person,
            model=MODEL,
            dimensions=DIMENSIONS,
            reference_count=3,
            vector_sealed=crypto.seal(
                subject=person, plaintext=vector.astype("<f4").tobytes(), place=mean_place(MODEL, 3)
            ),
            vector=HalfVector(turn.protect(vector)),
            protection=turn.fingerprint,
        )

    vectors = numbers.standard_normal((len(people), DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    PersonTemplate.objects.bulk_create(row(*pair) for pair in zip(people, vectors, strict=True))


def _verifications(people: list[uuid.UUID], owner: int, draw: random.Random) -> None:
    """One done verification for each person, with frames, its job, and an open case where it waits for a reviewer."""
    from enrollment.models import Capture  # noqa: PLC0415
    from heirloom.jobs.models import Job, JobState  # noqa: PLC0415
    from heirloom.reviews.models import Review  # noqa: PLC0415
    from verification.models import EvidenceFrame, Verification  # noqa: PLC0415

    now = datetime.now(UTC)
    captures = Capture.objects.bulk_create(
        Capture(subject=uuid.uuid4(), kind="image", mime="image/jpeg", source="api", storage_name="",
                bytes_mark="0" * 64, size_bytes=90_000, width=960, height=1280)
        for _ in people
    )  # fmt: skip
    rows = [
        Verification(
            owner_id=owner, mode="verification", person_id=person, capture=capture, model=MODEL, policy=POLICY,
            score=0.97, similarity=0.9, threshold=0.953, confidence=0.99, reference_count=3, frame_count=1,
            attack_outcome="inconclusive", outcome=outcome, finished_at=now,
            signals=[{"detector": "minifasnet", "outcome": "inconclusive", "score": None, "why": "not_installed"}],
            decision={"needs_review": "pending"}.get(outcome, outcome), decided_at=now,
            reasons=["attack_check_inconclusive"], timings={"decode_s": 0.02, "analyze_s": 0.06},
        )
        for person, capture in zip(people, captures, strict=True)
        for outcome in [draw.choice(OUTCOMES)]
    ]  # fmt: skip
    Verification.objects.bulk_create(rows)
    EvidenceFrame.objects.bulk_create(
        EvidenceFrame(
            verification=row, number=number, quality=80, similarity=0.9, width=960, height=1280, storage_name=""
        )
        for row in rows
        for number in range(FRAMES)
    )
    Job.objects.bulk_create(
        Job(kind="verification", subject_id=row.id, owner_id=owner, queue="media", state=JobState.DONE, progress=100,
            attempts=1, ring_at=now, started_at=now, finished_at=now)
        for row in rows
    )  # fmt: skip
    Review.objects.bulk_create(
        Review(kind="verification", subject_id=row.id, reasons=row.reasons, risk=0.4, due_at=now + timedelta(hours=24))
        for row in rows
        if row.outcome == "needs_review"
    )


def _word(draw: random.Random) -> str:
    return "".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))).title()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
