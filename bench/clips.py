"""A 10 s clip of 1920 x 1080: from the 202 to the recorded outcome, as a share of its duration."""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.client import Caller
from bench.figures import COLUMNS, Goal, Section, Series
from bench.pictures import full_hd_clip
from bench.portraits import Portrait

SECONDS = 10.0
SHARE_WANTED, SHARE_LIMIT = 0.15, 2.0
RUNS = 7
KINDS = (("a keyframe every 2 s", "every-2-s.mp4", 2.0), ("x264's default keyframes", "default.mp4", None))


def measure(client: Caller, person: str, portrait: Portrait, folder: Path) -> Section:
    rows: list[tuple[str, ...]] = []
    goals: list[Goal] = []
    notes = []
    for kind, name, every_s in KINDS:
        film = full_hd_clip(portrait, folder, seconds=SECONDS, name=name, keyframe_every_s=every_s).read_bytes()
        runs = [verified(client, person, film, "video/mp4") for _ in range(RUNS + 1)][1:]
        decided = Series(tuple(seconds for seconds, _ in runs))
        rows.append(decided.row(f"accepted to decided, {kind} ({len(film) / 1e6:.1f} MB)"))
        rows += stages([answer for _, answer in runs])
        goals.append(Goal(f"share of the duration, {kind}", decided.median / SECONDS, SHARE_WANTED, SHARE_LIMIT))
        last = runs[-1][1]
        notes.append(f"With {kind}: outcome {last['outcome']} ({', '.join(last['reasons']) or 'no reasons'}).")
    notes.append("The clip is the portrait, swaying, with noise in every frame; one clip at a time.")
    return Section("clip", "A 10 s clip at 1920 x 1080", tuple(goals), COLUMNS, tuple(rows), tuple(notes))


def verified(client: Caller, person: str, probe: bytes, mime: str) -> tuple[float, dict[str, Any]]:
    """Verify a probe and return the seconds from the 202 to the recorded outcome, by the one clock of this machine."""
    files = [("file", ("probe", probe, mime))]
    accepted = client.post("/verifications/", data={"person_id": person}, files=files)
    received = time.time()
    answer = client.follow(accepted, every_s=0.25).answer
    return datetime.fromisoformat(answer["finished_at"]).timestamp() - received, answer


def stages(answers: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return a row for each stage that the product itself timed."""
    names = [name for name, value in answers[0]["timings"].items() if isinstance(value, int | float)]
    return [
        Series(tuple(float(answer["timings"][name]) for answer in answers)).row(f"- of this {name.removesuffix('_s')}")
        for name in names
    ]
