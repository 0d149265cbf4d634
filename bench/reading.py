"""Reading endpoints with 10,000 people and as many verifications: p95 over HTTP on a real uvicorn."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from bench.client import Caller
from bench.figures import Goal, Section, Series, series, told

PEOPLE = 10_000
RUNS = 200
CALLERS_AT_ONCE = 4
WANTED_MS, LIMIT_MS = 50.0, 200.0
DEEP_PAGE = 40
HEADER = ("what", "median", "p95", "most", "runs", f"p95, {CALLERS_AT_ONCE} callers at once")

NOTES = (
    """\
One uvicorn process and the embedded PostgreSQL, its tables analyzed after they were filled; the caller runs on the same
machine. Every verification has three frames, a job and, where it waits, a case.""",
    f"""\
Goal and limit are held against one caller at a time. {CALLERS_AT_ONCE} callers at once show one web process filled to
the brim; production runs several.""",
)


def measure(hr: Caller, client: Caller) -> Section:
    draw = random.Random(7)
    people = [row["id"] for row in hr.get("/people/", page_size=200)["results"]]
    done = [row["id"] for row in client.get("/verifications/", page_size=200)["results"]]
    deep = _nth_page(hr, "/people/", DEEP_PAGE)
    reads: dict[str, Callable[[], object]] = {
        "`GET people/` (50 of 10,000)": lambda: hr.get("/people/"),
        f"`GET people/`, page {DEEP_PAGE}": lambda: hr.get(deep),
        "`GET people/?search=...`": lambda: hr.get("/people/", search=draw.choice(("kalo", "b-00421", "research zo"))),
        "`GET people/{id}/`": lambda: hr.get(f"/people/{draw.choice(people)}/"),
        "`GET verifications/` (50 of 10,000), as hr": lambda: hr.get("/verifications/"),
        "`GET verifications/`, as the client app": lambda: client.get("/verifications/"),
        "`GET verifications/?outcome=needs_review`": lambda: hr.get("/verifications/", outcome="needs_review"),
        "`GET verifications/{id}/`": lambda: client.get(f"/verifications/{draw.choice(done)}/"),
    }
    measured = {name: (series(read, RUNS, warm_up=5), _together(read)) for name, read in reads.items()}
    rows = tuple(_row(name, alone, together) for name, (alone, together) in measured.items())
    worst = max(alone.percentile(0.95) for alone, _ in measured.values())
    goals = (Goal("highest p95 of a reading endpoint", worst * 1000, WANTED_MS, LIMIT_MS, " ms"),)
    return Section("reading", "Reading with 10,000 people", goals, HEADER, rows, NOTES)


def _together(read: Callable[[], object]) -> Series:
    with ThreadPoolExecutor(CALLERS_AT_ONCE) as pool:
        runs = list(pool.map(lambda _: series(read, RUNS // CALLERS_AT_ONCE), range(CALLERS_AT_ONCE)))
    return Series(tuple(seconds for one in runs for seconds in one.seconds))


def _row(name: str, alone: Series, together: Series) -> tuple[str, ...]:
    parts = (alone.median, alone.percentile(0.95), max(alone.seconds))
    return (name, *map(told, parts), str(len(alone.seconds)), told(together.percentile(0.95)))


def _nth_page(caller: Caller, path: str, number: int) -> str:
    """Return the path of a later page, reached as a client reaches it: by following `next`."""
    for _ in range(number - 1):
        path = httpx.URL(caller.get(path)["next"]).raw_path.decode()
    return path
