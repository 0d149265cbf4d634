"""The whole path: a challenge, a clip that answers it, an approval by an installation without attack weights."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from bench.performing import Performer, film, performed, selfie
from heirloom.decision.challenge import schedule
from heirloom.decision.gestures import Kind
from tests.api.conftest import cast, cleo, codes, enrolled, hana, work
from tests.portraits import Portrait
from verification.models import Challenge, Verification

__all__ = ["cast", "cleo", "enrolled", "hana", "work"]
pytestmark = pytest.mark.slow
ASKED = (Kind.TURN_LEFT, Kind.LOOK_UP, Kind.TURN_RIGHT, Kind.TURN_LEFT, Kind.LOOK_DOWN)
OTHER = (Kind.LOOK_UP, Kind.TURN_LEFT, Kind.TURN_RIGHT, Kind.TURN_LEFT, Kind.LOOK_DOWN)


@pytest.fixture(scope="module")
def performance(vision_process: Any, portraits: dict[str, Portrait], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A clip in which the astronaut does what ASKED asks for."""
    frames, landmarks = selfie([portraits["astronaut"].pixels])
    steps = schedule(ASKED)
    acted = performed(frames, landmarks, steps, steps[-1].to_s, Performer(seed=3))
    return film(acted, tmp_path_factory.mktemp("film") / "clip.mp4").read_bytes()


def challenged(client: APIClient, person: str, kinds: tuple[Kind, ...], *, seconds_ago: float = 60) -> dict[str, Any]:
    """Return a challenge that asks for these gestures, issued a while ago."""
    challenge = dict(client.post("/api/v1/challenges/", {"person_id": person}, format="json").json())
    row = Challenge.objects.get(pk=challenge["id"])
    row.kinds = list(kinds)
    row.issued_at -= row.issued_at.resolution * round(seconds_ago * 1e6)
    row.save()
    return challenge


def answered(client: APIClient, challenge: dict[str, Any], person: str, clip: bytes) -> Any:
    file = BytesIO(clip)
    file.name = "clip.mp4"
    body = {
        "person_id": person,
        "file": file,
        "challenge_id": challenge["id"],
        "challenge_nonce": challenge["nonce"],
    }
    return client.post("/api/v1/verifications/", body, format="multipart")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted_risk", "outcome"),
    [(False, ("needs_review", ["challenge_alone"])), (True, ("approved", ["challenge_alone_accepted"]))],
)
def test_a_photo_bent_to_the_challenge_is_approved_only_where_the_owner_accepts_that(
    cleo: APIClient,
    enrolled: dict[str, Any],
    work: Callable[[], None],
    performance: bytes,
    settings: Any,
    accepted_risk: bool,
    outcome: tuple[str, list[str]],
) -> None:
    settings.CHALLENGE_ALONE_APPROVES = accepted_risk
    person = enrolled["person_id"]
    challenge = challenged(cleo, person, ASKED)
    accepted = answered(cleo, challenge, person, performance)
    work()
    result = cleo.get(accepted.json()["links"]["self"]).json()
    assert (result["outcome"], result["reasons"]) == outcome, result
    assert result["attack"]["outcome"] == "bona_fide"
    said = next(one for one in Verification.objects.get().signals if one["detector"] == "challenge")
    assert [gesture["kind"] for gesture in said["gestures"]] == list(ASKED)
    assert all("gestures" not in one for one in result["signals"])
    again = answered(cleo, challenge, person, performance)
    assert (again.status_code, codes(again)) == (409, ["challenge_used"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kinds", "seconds_ago", "code"),
    [(OTHER, 60, "challenge_wrong_order"), (ASKED, 2, "challenge_recorded_early")],
)
def test_a_recording_made_for_another_challenge_goes_to_a_reviewer(
    cleo: APIClient,
    enrolled: dict[str, Any],
    work: Callable[[], None],
    performance: bytes,
    kinds: tuple[Kind, ...],
    seconds_ago: float,
    code: str,
) -> None:
    person = enrolled["person_id"]
    accepted = answered(cleo, challenged(cleo, person, kinds, seconds_ago=seconds_ago), person, performance)
    work()
    result = cleo.get(accepted.json()["links"]["self"]).json()
    assert (result["outcome"], result["decision"]) == ("needs_review", "pending"), result
    assert set(result["reasons"]) == {"presentation_attack", code}


@pytest.mark.django_db
def test_who_does_not_perform_is_told_so_and_the_owners_waiver_changes_nothing(
    cleo: APIClient,
    enrolled: dict[str, Any],
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    tmp_path: Path,
    settings: Any,
) -> None:
    settings.ATTACK_CHECK_REQUIRED = False
    frames, landmarks = selfie([portraits["astronaut"].pixels])
    clip = film(performed(frames, landmarks, [], 12.0, Performer()), tmp_path / "still.mp4").read_bytes()
    person = enrolled["person_id"]
    accepted = answered(cleo, challenged(cleo, person, ASKED), person, clip)
    work()
    result = cleo.get(accepted.json()["links"]["self"]).json()
    assert result["outcome"] == "needs_review", result
    assert "challenge_not_shown" in result["reasons"]
