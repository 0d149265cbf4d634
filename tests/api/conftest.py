import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job, JobState
from tests.cast import Cast, caller, make_cast
from tests.pictures import b64, retaken
from tests.portraits import Portrait

CONSENT = {"policy_version": "2026-1", "given_at": datetime(2026, 1, 5, tzinfo=UTC).isoformat(), "method": "written"}


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def hana(cast: Cast) -> APIClient:
    return caller(cast.hana)


@pytest.fixture
def cleo(cast: Cast) -> APIClient:
    return caller(cast.cleo)


@pytest.fixture
def rhea(cast: Cast) -> APIClient:
    return caller(cast.rhea)


@pytest.fixture
def enrolled(hana: APIClient, vision_process: Any, portraits: dict[str, Portrait]) -> dict[str, Any]:
    """The astronaut, enrolled with three photos."""
    portrait = portraits["astronaut"]
    photos = [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)]
    body = {
        "full_name": "Eileen Astronaut",
        "employee_id": "E-1",
        "images": [b64(photo) for photo in photos],
        "consent": CONSENT,
    }
    answer = hana.post("/api/v1/register-multiple/", body, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def work() -> Callable[[], None]:
    """Do all that waits, in this process; the worker's own tests are in tests/jobs and tests/test_main_job.py."""

    def run() -> None:
        for job in Job.objects.filter(state=JobState.QUEUED):
            jobs.run(job_id=job.id)

    return run


def codes(answer: Any) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]


def unknown_id() -> str:
    return str(uuid.uuid4())
