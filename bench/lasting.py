"""The memory of the worker after hundreds of jobs of all kinds."""

from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.client import Caller
from bench.clips import verified
from bench.figures import Goal, Section
from bench.pictures import clip, enlarged, landscape, retaken
from bench.portraits import Portrait

WARM_UP, JOBS = 60, 500
LOOK_EVERY = 100
GROWTH_WANTED = 0.05
HEADER = ("after so many jobs", "worker", "its fork server", "vision process")
NOTE = f"""\
Of ten jobs, seven are photos of 512 x 600, one is of 12 megapixels, one shows nobody and one is a clip. Resident sets;
the first {WARM_UP} jobs, which fill caches and pools, do not count."""


def measure(client: Caller, person: str, portrait: Portrait, folder: Path, environment: Mapping[str, str]) -> Section:
    kinds = _kinds(portrait, folder)
    for number in range(WARM_UP):
        verified(client, person, *kinds[number % len(kinds)])
    rows = [_memory(environment)]
    for number in range(JOBS):
        verified(client, person, *kinds[number % len(kinds)])
        if (number + 1) % LOOK_EVERY == 0:
            rows.append(_memory(environment))
    growth = rows[-1][0] / rows[0][0] - 1
    goals = (Goal(f"growth of the worker over {JOBS} jobs", max(0.0, growth), GROWTH_WANTED),)
    shown = tuple(
        (str(number * LOOK_EVERY), *(f"{size_mb:.0f} MB" for size_mb in sizes)) for number, sizes in enumerate(rows)
    )
    return Section("memory", "Memory over hundreds of jobs", goals, HEADER, shown, (NOTE,))


def _kinds(portrait: Portrait, folder: Path) -> list[tuple[bytes, str]]:
    photos = [retaken(portrait, turned=turned, mirrored=True) for turned in (-4, -3, -1, 0, 1, 3, 4)]
    large = enlarged(photos[0], 12.0)
    film = clip(portrait, folder, seconds=2, name="short.mp4").read_bytes()
    return [*((photo, "image/jpeg") for photo in (*photos, large, landscape())), (film, "video/mp4")]


def _memory(environment: Mapping[str, str]) -> tuple[float, float, float]:
    """Return megabytes of the worker, of its fork server and of the vision process."""
    worker = _process(environment, "worker@%h")
    servers = [child for child in worker.children() if "heirloom.media.zygote" in child.cmdline()]
    vision = _process(environment, "heirloom.vision.server")
    return _mb(worker), sum(map(_mb, servers)), _mb(vision)


def _process(environment: Mapping[str, str], word: str) -> psutil.Process:
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("HEIRLOOM_VAR") == environment["HEIRLOOM_VAR"]
            if ours and word in process.cmdline():
                return process
        except psutil.Error:
            continue
    raise LookupError(f"no process of this instance runs {word}")


def _mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20
