import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job, JobState
from heirloom.reviews import services as reviews
from heirloom.reviews.models import Review
from tests.cast import Cast, caller, make_cast
from tests.pictures import retaken
from tests.portal.conftest import filled_in, photo, signed_in
from tests.portraits import Portrait
from verification.models import Verification


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def hana(cast: Cast) -> Client:
    return signed_in(cast.hana)


@pytest.fixture
def rhea(cast: Cast) -> Client:
    return signed_in(cast.rhea)


@pytest.fixture
def cleo(cast: Cast) -> Client:
    return signed_in(cast.cleo)


@pytest.fixture
def ada(cast: Cast) -> Client:
    return signed_in(cast.ada)


@pytest.fixture
def work() -> Callable[[], None]:
    """Do all that waits, in this process."""

    def run() -> None:
        for job in Job.objects.filter(state=JobState.QUEUED):
            jobs.run(job_id=job.id)

    return run


@pytest.fixture
def suspicious(
    cast: Cast, hana: Client, work: Callable[[], None], vision_process: Any, portraits: dict[str, Portrait]
) -> Review:
    """Eileen is enrolled, and a verification of hers waits because no attack check could run."""
    portrait = portraits["astronaut"]
    hana.post("/people/enroll/", filled_in(photo(portrait.jpeg), photo(retaken(portrait))))
    work()
    body = {"employee_id": "E-1", "file": photo(retaken(portrait, turned=-4))}
    answer = caller(cast.cleo).post("/api/v1/verifications/", body)
    assert answer.status_code == 202, answer.content
    work()
    return Review.objects.get()


@pytest.fixture
def doubtful(hana: Client, work: Callable[[], None], vision_process: Any, portraits: dict[str, Portrait]) -> Review:
    """Eileen is enrolled, and somebody with her face waits to be."""
    portrait = portraits["astronaut"]
    hana.post("/people/enroll/", filled_in(photo(portrait.jpeg)))
    work()
    hana.post("/people/enroll/", filled_in(photo(retaken(portrait)), full_name="Somebody Else", employee_id="E-2"))
    work()
    return Review.objects.get()


def waiting(cast: Cast, *, risk: float = 0.4, reasons: tuple[str, ...] = ("attack_check_inconclusive",)) -> Review:
    """Return a case about a verification that nothing was computed for: enough for the list and the verdict."""
    verification = Verification.objects.create(
        owner=cast.cleo, mode=Verification.Mode.VERIFICATION, outcome="needs_review", reasons=list(reasons)
    )
    return reviews.open_review(kind="verification", subject_id=verification.id, reasons=reasons, risk=risk)


def page_of(review: Review) -> str:
    return f"/admin/reviews/review/{review.id}/change/"


def unknown_page() -> str:
    return f"/admin/reviews/review/{uuid.uuid4()}/change/"
