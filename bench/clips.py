"""Clips of 10 s: from the 202 to the recorded outcome, one at a time and eight at once, as shares of their duration."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.client import Caller
from bench.figures import COLUMNS, Goal, Section, Series, told
from bench.films import FULL_HD, H264, SECONDS, ULTRA_HD, Film, films
from bench.portraits import Portrait

SHARES_WANTED = {
    (FULL_HD, True): 0.12,
    (FULL_HD, False): 0.12,
    (ULTRA_HD, True): 0.25,
    (ULTRA_HD, False): 0.5,
}
"""By size, and whether keyframes are 2 s apart or closer."""
SHARE_LIMIT = 2.0
FIRST_FRAME_WANTED_S = 2.0
RUNS = 5
AT_ONCE = 8
NOTE = "The clip is the portrait, swaying, with noise in every frame, at the bit rate of a phone; one clip at a time."
FAR_APART = """\
Default keyframes are 250 frames apart, more than eight seconds. No more than 2.5 s of a clip may pass between two
frames that are looked at, so two thirds of it are decoded then, and that is the time it takes: phones and cameras write
a keyframe every second or two."""


def measure(client: Caller, person: str, portrait: Portrait, folder: Path, size: tuple[int, int]) -> Section:
    rows: list[tuple[str, ...]] = []
    goals: list[Goal] = []
    notes = [NOTE, FAR_APART]
    for film in films(size):
        clip = film.shot(portrait, folder).read_bytes()
        runs = [verified(client, person, clip, "video/mp4") for _ in range(RUNS + 1)][1:]
        decided = Series(tuple(seconds for seconds, _ in runs))
        answers = [answer for _, answer in runs]
        rows.append(decided.row(f"accepted to decided, {film} ({len(clip) / 1e6:.0f} MB)"))
        rows += stages(answers)
        wanted = SHARES_WANTED[size, film.keyframe_every_s is not None]
        goals.append(Goal(f"share of the duration, {film}", decided.median / SECONDS, wanted, SHARE_LIMIT))
        if size == ULTRA_HD:
            first = _first_frame(runs)
            rows.append(first.row("- accepted to first frame analyzed, at most"))
            goals.append(Goal(f"first frame analyzed after, {film}", first.median, FIRST_FRAME_WANTED_S, unit=" s"))
        notes.append(f"{film}: outcome {answers[-1]['outcome']} ({', '.join(answers[-1]['reasons']) or 'no reasons'}).")
    name, title = ("clip", "1920 x 1080") if size == FULL_HD else ("clip-4k", "3840 x 2160")
    return Section(name, f"A 10 s clip at {title}", tuple(goals), COLUMNS, tuple(rows), tuple(notes))


def measure_at_once(client: Caller, person: str, portrait: Portrait, folder: Path) -> Section:
    film = Film(FULL_HD, H264, 2.0)
    clip = film.shot(portrait, folder).read_bytes()
    alone = Series(tuple(verified(client, person, clip, "video/mp4")[0] for _ in range(RUNS + 1))[1:])
    started = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda _: verified(client, person, clip, "video/mp4")[0], range(AT_ONCE)))
    took_s = time.perf_counter() - started
    together = Series(tuple(runs))
    gain = AT_ONCE / took_s * alone.median
    rows = (
        alone.row("accepted to decided, one at a time"),
        together.row(f"accepted to decided, {AT_ONCE} at once"),
        (f"all {AT_ONCE}, from the first byte sent to the last decided", told(took_s), "", "", "1"),
    )
    goals = (Goal("slowest of the eight, share of its duration", max(runs) / SECONDS, 2.0, SHARE_LIMIT),)
    notes = (f"{film}. At once, {gain:.2f} times as many are decided in the same time as one after the other.",)
    return Section("clips-at-once", "Eight clips at once", goals, COLUMNS, rows, notes)


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


def _first_frame(runs: list[tuple[float, dict[str, Any]]]) -> Series:
    """Return the seconds from the 202 to the first analyzed frame; the recording at the end is counted in."""
    after_first = (
        answer["timings"]["decode_s"] + answer["timings"]["analyze_s"] - answer["timings"]["first_frame_s"]
        for _, answer in runs
    )
    return Series(tuple(seconds - after for (seconds, _), after in zip(runs, after_first, strict=True)))
