"""The main job over HTTP with every real part: web server, worker, vision process, database, queue."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from heirloom.jobs.models import Job, JobState
from tests.api.conftest import CONSENT
from tests.cast import PASSWORD, make_cast
from tests.pictures import clip, retaken
from tests.portraits import Portrait
from tests.processes import Processes
from verification.models import Verification

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("real_passwords")]


class Caller:
    """A program that speaks to Heirloom over HTTP."""

    def __init__(self, http: httpx.Client, username: str) -> None:
        self.http = http
        answer = self.http.post("/auth/token/", json={"username": username, "password": PASSWORD})
        self.http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access']}"

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        return dict(self.http.post(path, **body).raise_for_status().json())

    def done(self, accepted: dict[str, Any], within_s: float = 60) -> dict[str, Any]:
        """Follow the status address until the work is done."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            shown = self.http.get(accepted["links"]["self"].removeprefix("/api/v1")).raise_for_status().json()
            if shown["status"] == "done":
                return dict(shown)
            time.sleep(0.1)
        raise AssertionError(f"not done after {within_s} s: {shown}")


@pytest.fixture
def call(live: str) -> Iterator[Callable[[str], Caller]]:
    with contextlib.ExitStack() as open_clients:
        yield lambda username: Caller(
            open_clients.enter_context(httpx.Client(base_url=f"{live}/api/v1", timeout=30)), username
        )


Call = Callable[[str], Caller]


def enroll(hr: Caller, portrait: Portrait) -> str:
    person = hr.post("/people/", json={"full_name": portrait.name, "employee_id": portrait.name})["id"]
    hr.post(f"/people/{person}/consents/", json=CONSENT)
    photos = [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)]
    files = [("files", (f"{n}.jpg", photo, "image/jpeg")) for n, photo in enumerate(photos)]
    visit = hr.done(hr.post(f"/people/{person}/captures/", files=files))
    assert visit["outcome"] == "enrolled", visit
    return str(person)


def test_enroll_verify_by_photo_and_by_clip_then_review(
    call: Call, worker: Processes, portraits: dict[str, Portrait], tmp_path: Path
) -> None:
    make_cast()
    hr, client, reviewer = (call(name) for name in ("hana", "cleo", "rhea"))
    people = {name: enroll(hr, portrait) for name, portrait in portraits.items()}
    for name, portrait in portraits.items():
        claim = {"person_id": people[name]}
        photo = client.post("/verifications/", data=claim, files={"file": ("p.jpg", retaken(portrait, mirrored=True))})
        film = client.post(
            "/verifications/", data=claim, files={"file": ("c.mp4", clip(portrait, tmp_path).read_bytes())}
        )
        for accepted in (photo, film):
            result = client.done(accepted)
            assert result["outcome"] == "needs_review", result
            assert result["reasons"] == ["attack_check_inconclusive"], result
            assert result["similarity"] > 0.5
    impostor = {"person_id": people["hopper"]}
    rejected = client.done(
        client.post(
            "/verifications/",
            data=impostor,
            files={"file": ("p.jpg", retaken(portraits["astronaut"], turned=-8, light=0.95))},
        )
    )
    assert (rejected["outcome"], rejected["decision"]) == ("rejected", "rejected")
    case = reviewer.http.get("/reviews/").json()["results"][0]
    reviewer.post(
        f"/reviews/{case['id']}/verdict/", json={"verdict": "approved", "reason": "identity_checked_in_person"}
    )
    shown = client.http.get(f"/verifications/{case['verification']}/").json()
    assert (shown["outcome"], shown["decision"]) == ("needs_review", "approved")


def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_nothing(
    call: Call, worker: Processes, portraits: dict[str, Portrait], tmp_path: Path
) -> None:
    make_cast()
    hr, client = call("hana"), call("cleo")
    person = enroll(hr, portraits["astronaut"])
    film = clip(portraits["astronaut"], tmp_path, seconds=8, size=720).read_bytes()
    accepted = client.post("/verifications/", data={"person_id": person}, files={"file": ("c.mp4", film)})
    while not Job.objects.filter(kind="verification", state=JobState.RUNNING).exists():
        time.sleep(0.005)
    worker.kill("worker")
    worker.stop("beat")
    worker.worker()
    result = client.done(accepted, within_s=120)
    assert result["outcome"] == "needs_review", result
    job = Job.objects.get(kind="verification")
    assert (job.state, job.attempts) == (JobState.DONE, 2)
    assert Verification.objects.get().frames.count() == len({f.number for f in Verification.objects.get().frames.all()})
