"""A clip that a real worker works on, followed live."""

import io
from pathlib import Path
from typing import Any

import pytest

from heirloom.jobs.models import Job, JobState
from tests.cast import Cast, caller
from tests.live.conftest import Connect, bearer
from tests.pictures import clip
from tests.portraits import Portrait
from tests.processes import Processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
STAGES = ["", "decoding", "analyzing", "deciding", ""]


def test_a_worker_killed_in_the_middle_ends_no_socket_and_progress_goes_on(
    web: str, worker: Processes, connect: Connect, cast: Cast, portraits: dict[str, Portrait], tmp_path: Path
) -> None:
    film = io.BytesIO(clip(portraits["astronaut"], tmp_path, seconds=6).read_bytes())
    film.name = "clip.mp4"
    hana = caller(cast.hana)
    accepted = hana.post("/api/v1/verifications/", {"file": film}, format="multipart").json()
    link = accepted["links"]["self"]
    socket = connect(accepted["links"]["live"], headers=bearer(cast.hana))
    socket.until(stage="analyzing")
    worker.kill("worker")
    worker.stop("beat")
    worker.worker()
    events = list(socket.rest())
    assert socket.ending() == (1000, "")
    assert without_links(events[-1]) == without_links(hana.get(link).json())
    assert (events[-1]["status"], events[-1]["outcome"]) == ("done", "rejected")
    stages = [STAGES.index(event["stage"]) for event in events if event["stage"]]
    begun_again = next(number for number, event in enumerate(events) if event["progress"] < 10)
    assert stages[begun_again:] == sorted(stages[begun_again:])
    job = Job.objects.get(kind="verification")
    assert (job.state, job.attempts) == (JobState.DONE, 2)


def without_links(told: dict[str, Any]) -> dict[str, Any]:
    """Return what was told but for the links of its frames, which are made anew each time."""
    return {**told, "frames": [{**frame, "link": ""} for frame in told["frames"]]}
