"""Reading with up to 100,000 people and 1,000,000 verifications: what 20 callers at once meet, and how cost grows."""

import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from urllib.parse import quote

import httpx

from bench.callers import Crowded, Line, Path, at_once
from bench.client import API, Caller
from bench.figures import Goal, Section, told
from bench.instance import ROOT, Instance, free_port, is_ready, own_instance
from bench.multitude import LOGINS, VERIFICATIONS_EACH, login, person_id, verification_id

PEOPLE = 100_000
STEPS = (1_000, 10_000, 100_000)
CALLERS, RUNS_EACH, RUNS_ALONE = 20, 25, 100
REST_S = 1.0
WANTED_MS, LIMIT_MS = 50.0, 200.0
DEEP_PAGE = 40
SHARES = (0.5, 0.95, 0.99)
WORKERS = os.cpu_count() or 1
READY_WITHIN_S = 60.0

READING_NOTES = (
    f"""\
{CALLERS} callers, each asking again as soon as it is answered, so that all are always waiting: with so few cores a
time is the cost of one call times the calls before it. *one process* is uvicorn as `make run` starts it, *{WORKERS}
processes* gunicorn as the image starts it, one for each core. Callers, web and PostgreSQL share {WORKERS} cores.""",
    f"""\
In the last row the calls above are mixed, and each caller rests {REST_S:g} s on average before it asks again.""",
    """\
The rows are filled in by SQL (`bench/multitude.py`): 1 in 5 verifications is a clip with five frames, 1 in 10 is 1:N
with five candidates, 6 in 100 needed a review, which a tenth of them still wait for.""",
)
GROWTH_NOTES = (
    "One caller, one uvicorn process, ten verifications for each person; p50 and p95. What is flat does not grow.",
)


@dataclass(slots=True)
class Scale:
    """An instance that is filled as far as a section needs; `people` is how far it is by now."""

    instance: Instance
    password: str = field(repr=False)
    people: int = 0
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def fill(self, people: int) -> None:
        if people > self.people:
            print(f"Filling in {people:,} people and {people * VERIFICATIONS_EACH:,} verifications ...", flush=True)
            self.instance.python("-m", "bench.multitude", str(people), said=self.password, aloud=True)
            self.people = people

    def lines(self, role: str, count: int, address: str = "") -> list[Line]:
        """Return connections of so many callers, each with a login of its own as far as there are."""
        names = [login(role, number % LOGINS[role]) for number in range(count)]
        return [Line(address or self.instance.address, self._token(name)) for name in names]

    def caller(self, role: str, number: int) -> Caller:
        return Caller(self.instance.address, login(role, number), self.password)

    def _token(self, name: str) -> str:
        if name not in self._tokens:
            given = {"username": name, "password": self.password}
            answer = httpx.post(f"{self.instance.address}{API}/auth/token/", json=given, timeout=60)
            self._tokens[name] = answer.raise_for_status().json()["access"]
        return self._tokens[name]


@contextmanager
def own_scale() -> Iterator[Scale]:
    with own_instance(VISION_PACK="dlib", JWT_ACCESS_MINUTES="240") as instance:
        yield Scale(instance, secrets.token_urlsafe(12))


@dataclass(frozen=True, slots=True)
class Read:
    role: str
    path: Path


def reads(scale: Scale) -> dict[str, Read]:
    """Return what is read, by the name it has in the tables."""
    people, verifications = scale.people, scale.people * VERIFICATIONS_EACH
    deep = _nth_page(scale.lines("hr", 1)[0], "/people/", min(DEEP_PAGE, people // 100))

    def own(draw: random.Random, number: int) -> int:
        return draw.randrange(verifications // LOGINS["client"]) * LOGINS["client"] + number % LOGINS["client"]

    def one_of(*paths: str) -> Path:
        return lambda draw, _: draw.choice(paths)

    return {
        "`GET people/`": Read("hr", one_of("/people/")),
        "`GET people/`, a page far down": Read("hr", one_of(deep)),
        "`GET people/?search=`, a number": Read("hr", lambda d, _: f"/people/?search=S-{d.randrange(people):07}"),
        "`GET people/?search=`, part of a name": Read("hr", one_of(*_searches("kalo", "zowa", "mipo", "rasetivu"))),
        "`GET people/?search=`, name and department": Read("hr", one_of(*_searches("goka legal", "bada finance"))),
        "`GET people/{id}/`": Read("hr", lambda d, _: f"/people/{person_id(d.randrange(people))}/"),
        "`GET verifications/`": Read("hr", one_of("/verifications/")),
        "`GET verifications/?outcome=`": Read(
            "hr", one_of(*(f"/verifications/?outcome={word}" for word in ("needs_review", "failed", "rejected")))
        ),
        "`GET verifications/?decision=pending`": Read("hr", one_of("/verifications/?decision=pending")),
        "`GET verifications/?reason=`": Read(
            "hr", one_of(*(f"/verifications/?reason={word}" for word in ("no_match", "no_face", "blurred")))
        ),
        "`GET verifications/?person_id=`": Read(
            "hr", lambda d, _: f"/verifications/?person_id={person_id(d.randrange(people))}"
        ),
        "`GET verifications/{id}/`": Read(
            "hr", lambda d, _: f"/verifications/{verification_id(d.randrange(verifications))}/"
        ),
        "`GET verifications/`, as a client app": Read("client", one_of("/verifications/")),
        "`GET verifications/{id}/`, as a client app": Read(
            "client", lambda d, n: f"/verifications/{verification_id(own(d, n))}/"
        ),
        "`GET reviews/`": Read("reviewer", one_of("/reviews/")),
    }


def measure_reading(scale: Scale) -> Section:
    scale.fill(PEOPLE)
    asked = reads(scale)
    alone = _crowded(scale, asked, "")
    with several(scale.instance, WORKERS) as address:
        together = _crowded(scale, asked, address)
    rows = tuple((name, *_times(alone[name]), *_times(together[name])) for name in alone)
    worst = {count: max(list(met.values())[:-1], key=_p95) for count, met in ((1, alone), (WORKERS, together))}
    goals = (
        Goal(
            f"highest p95 of a reading endpoint, {WORKERS} processes", _p95(worst[WORKERS]), WANTED_MS, LIMIT_MS, " ms"
        ),
        Goal("highest p95 of a reading endpoint, one process", _p95(worst[1]), WANTED_MS, unit=" ms"),
        Goal("p95 of the mix with rests", _p95(list(together.values())[-1]), WANTED_MS, LIMIT_MS, " ms"),
    )
    parts = ("p50", "p95", "p99", "a second")
    header = ("what", *(f"{part}, {of}" for of in ("one process", f"{WORKERS} processes") for part in parts))
    title = "Reading with 100,000 people and 1,000,000 verifications"
    return Section("reading-at-scale", title, goals, header, rows, READING_NOTES)


def measure_growth(scale: Scale) -> Section:
    rows: dict[str, list[str]] = {}
    for people in STEPS:
        scale.fill(people)
        lines = {role: scale.lines(role, 1) for role in LOGINS}
        for name, read in reads(scale).items():
            taken = at_once(lines[read.role], read.path, RUNS_ALONE).taken
            rows.setdefault(name, [name]).extend(told(taken.percentile(share)) for share in SHARES[:2])
    header = ("what", *(f"{share}, {people:,} people" for people in STEPS for share in ("p50", "p95")))
    shown = tuple(tuple(row) for row in rows.values())
    return Section("growth", "How reading grows with people", (), header, shown, GROWTH_NOTES)


def _crowded(scale: Scale, asked: Mapping[str, Read], address: str) -> dict[str, Crowded]:
    lines = {role: scale.lines(role, CALLERS, address) for role in LOGINS}
    met = {}
    for name, read in asked.items():
        met[name] = at_once(lines[read.role], read.path, RUNS_EACH)
        print(f"  {name}: p95 {_p95(met[name]):.0f} ms, {met[name].per_s:.0f} a second", flush=True)
    ours = [read.path for read in asked.values() if read.role == "hr"]
    mixed: Path = lambda draw, number: draw.choice(ours)(draw, number)  # noqa: E731
    met["all of hr's mixed, with rests"] = at_once(lines["hr"], mixed, RUNS_EACH, every_s=REST_S)
    return met


def _p95(met: Crowded) -> float:
    return 1000 * met.taken.percentile(0.95)


def _times(met: Crowded) -> tuple[str, ...]:
    return (*(told(met.taken.percentile(share)) for share in SHARES), f"{met.per_s:.0f}")


def _searches(*words: str) -> Iterator[str]:
    return (f"/people/?search={quote(word)}" for word in words)


def _nth_page(line: Line, path: str, number: int) -> str:
    """Return the path of a later page, reached as a client reaches it: by following `next`."""
    for _ in range(number - 1):
        path = httpx.URL(json.loads(line.get(path))["next"]).raw_path.decode().removeprefix(API)
    return path


@contextmanager
def several(instance: Instance, workers: int) -> Iterator[str]:
    """Serve the instance's data by so many web processes as the image starts them; the value is their address."""
    port = free_port()
    environment = {**instance.environment, "PORT": str(port), "WEB_WORKERS": str(workers)}
    environment["PATH"] = f"{FilePath(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    web = subprocess.Popen(["sh", str(ROOT / "deploy" / "entrypoint.sh"), "web"], cwd=ROOT, env=environment)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + READY_WITHIN_S
    try:
        while not is_ready(address):
            if web.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the web processes did not start")
            time.sleep(0.2)
        yield address
    finally:
        web.terminate()
        web.wait()
