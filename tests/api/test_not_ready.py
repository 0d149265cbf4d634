"""Without its models the installation says so, and does not guess."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.jobs import vision
from heirloom.jobs.models import Job, JobState
from tests.api.conftest import codes
from tests.pictures import b64
from tests.portraits import Portrait


@pytest.fixture
def no_vision(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.VISION_SOCKET = tmp_path / "nobody.sock"
    vision.beside.cache_clear()
    yield
    vision.beside.cache_clear()


@pytest.mark.usefixtures("no_vision")
def test_calls_are_put_off_not_failed(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = cleo.post("/api/v1/detect/", {"image_base64": b64(portraits["hopper"].jpeg)}, format="json")
    assert (answer.status_code, codes(answer)) == (503, ["vision_unavailable"])
    assert int(answer["Retry-After"]) > 0


@pytest.mark.usefixtures("no_vision", "db")
def test_readyz_is_red_and_livez_is_green(client: Any) -> None:
    assert client.get("/livez").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"] == {"database": True, "models": False}


@pytest.mark.usefixtures("vision_process", "db")
def test_with_its_models_it_is_ready_and_tells_its_figures(client: Any, settings: Settings) -> None:
    settings.EMBEDDED = True
    assert client.get("/readyz").status_code == 200
    assert b"heirloom_models_ready 1.0" in client.get("/metrics").content


def test_a_vision_process_that_is_away_costs_no_attempt(
    cleo: APIClient, enrolled: dict[str, Any], work: Callable[[], None], portraits: dict[str, Portrait], no_vision: None
) -> None:
    body = {"person_id": enrolled["person_id"], "image_base64": b64(portraits["astronaut"].jpeg)}
    answer = cleo.post("/api/v1/verifications/", body, format="json")
    for _ in range(5):
        work()
    job = Job.objects.get(kind="verification")
    assert (job.state, job.attempts, job.error_code) == (JobState.QUEUED, 0, "vision_unavailable")
    assert cleo.get(answer.json()["links"]["self"]).json()["status"] == "queued"
