"""Clips that cannot be used: taken, looked at, and failed with their code; nothing is left half-written."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from heirloom.jobs.models import Job, JobState
from tests.pictures import clip
from tests.portraits import Portrait

Film = Callable[[Portrait, Path], bytes]


def ffmpeg(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def sound_only(_: Portrait, folder: Path) -> bytes:
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", str(folder / "a.mp4"))
    return (folder / "a.mp4").read_bytes()


def cut_off(portrait: Portrait, folder: Path) -> bytes:
    whole = clip(portrait, folder, name="c.mkv", seconds=4).read_bytes()
    return whole[: len(whole) // 3]


def nobody(_: Portrait, folder: Path) -> bytes:
    ffmpeg("-f", "lavfi", "-i", "testsrc=duration=2:size=320x240:rate=10", "-pix_fmt", "yuv420p", str(folder / "n.mp4"))
    return (folder / "n.mp4").read_bytes()


def too_long(portrait: Portrait, folder: Path) -> bytes:
    return clip(portrait, folder, seconds=3).read_bytes()


@pytest.mark.parametrize(
    ("film", "code"),
    [(sound_only, "no_video_frames"), (cut_off, "clip_incomplete"), (nobody, "no_face"), (too_long, "clip_too_long")],
)
def test_a_clip_that_cannot_be_used_fails_with_its_code(
    cleo: APIClient,
    enrolled: dict[str, Any],
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    tmp_path: Path,
    settings: Settings,
    film: Film,
    code: str,
) -> None:
    settings.UPLOAD_MAX_CLIP_SECONDS = 2 if film is too_long else 600
    path = tmp_path / "clip.bin"
    path.write_bytes(film(portraits["astronaut"], tmp_path))
    with path.open("rb") as file:
        body = {"person_id": enrolled["person_id"], "file": file}
        answer = cleo.post("/api/v1/verifications/", body, format="multipart")
    assert answer.status_code == 202
    work()
    result = cleo.get(answer.json()["links"]["self"]).json()
    assert (result["outcome"], result["decision"], result["reasons"]) == ("failed", "rejected", [code])
    assert Job.objects.get(kind="verification").state == JobState.DONE


def test_a_clip_that_lost_its_end_is_used_and_the_record_says_so(
    cleo: APIClient,
    hana: APIClient,
    enrolled: dict[str, Any],
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    tmp_path: Path,
) -> None:
    whole, path = clip(portraits["astronaut"], tmp_path, name="w.mkv", seconds=4), tmp_path / "lost.mkv"
    ffmpeg("-i", str(whole), "-c:v", "mjpeg", "-q:v", "5", "-r", "10", str(path))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.9)])
    with path.open("rb") as file:
        body = {"person_id": enrolled["person_id"], "file": file}
        seen = cleo.post("/api/v1/verifications/", body, format="multipart")
    with path.open("rb") as file:
        visit = hana.post(f"/api/v1/people/{enrolled['person_id']}/captures/", {"files": file}, format="multipart")
    work()
    result = cleo.get(seen.json()["links"]["self"]).json()
    assert (result["outcome"], result["reasons"]) == (
        "needs_review",
        ["attack_check_inconclusive", "clip_partly_read"],
    )
    (capture,) = hana.get(visit.json()["links"]["self"]).json()["captures"]
    assert capture["notes"] == ["clip_partly_read"]
    assert any(verdict["accepted"] for verdict in capture["verdicts"])
