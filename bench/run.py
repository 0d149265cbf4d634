"""`make bench`: measure, and write docs/benchmarks.md. With names (`python -m bench.run clip`) only these, printed."""

import argparse
import logging
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import clips, comparing, decoding, lasting, lfw, photos, reading, running
from bench.client import Caller
from bench.figures import Section
from bench.films import FULL_HD, ULTRA_HD
from bench.instance import ROOT, Instance, own_instance
from bench.machine import described
from bench.pictures import b64, retaken
from bench.portraits import Portrait, packaged
from bench.table import piped

PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench` in one run; each section can be measured alone by the command under its title. What is measured
is a whole system as `make run` starts it (web, worker, vision process, beat and PostgreSQL on one machine), made for
the purpose and asked over HTTP. The face is the public-domain portrait inside matplotlib, and what is derived from it.
"""
GOALS = ("goal", "measured", "wanted at most", "limit", "")


@dataclass(frozen=True, slots=True)
class Bench:
    instance: Instance
    hr: Caller
    client: Caller
    person: str
    portrait: Portrait
    folder: Path


def _compare(bench: Bench) -> Section:
    return comparing.measure(bench.client, bench.portrait, bench.folder)


def _clip(bench: Bench) -> Section:
    return clips.measure(bench.client, bench.person, bench.portrait, bench.folder, FULL_HD)


def _clip_4k(bench: Bench) -> Section:
    return clips.measure(bench.client, bench.person, bench.portrait, bench.folder, ULTRA_HD)


def _clips_at_once(bench: Bench) -> Section:
    return clips.measure_at_once(bench.client, bench.person, bench.portrait, bench.folder)


def _decoding(bench: Bench) -> Section:
    return decoding.measure(bench.portrait, bench.folder)


def _memory(bench: Bench) -> Section:
    environment = bench.instance.environment
    return lasting.measure(bench.client, bench.person, bench.portrait, bench.folder, environment)


def _photo(bench: Bench) -> Section:
    models_dir = Path(bench.instance.environment["MODELS_DIR"])
    return photos.measure(bench.client, bench.hr, bench.person, bench.portrait, models_dir)


def _reading(bench: Bench) -> Section:
    return reading.measure(bench.hr, bench.client)


def _runtime(bench: Bench) -> Section:
    return running.measure(Path(bench.instance.environment["MODELS_DIR"]))


def _lfw(bench: Bench) -> Section:
    return lfw.measure(Path(bench.instance.environment["MODELS_DIR"]), ROOT / "var" / "bench")


SECTIONS: dict[str, Callable[[Bench], Section]] = {
    "compare": _compare,
    "clip": _clip,
    "clip-4k": _clip_4k,
    "clips-at-once": _clips_at_once,
    "decoding": _decoding,
    "photo": _photo,
    "reading": _reading,
    "runtime": _runtime,
    "lfw": _lfw,
    "memory": _memory,
}
NEEDS_CROWD = ("photo", "reading")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="all if none is named")
    wanted: Sequence[str] = parser.parse_args().sections or tuple(SECTIONS)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    machine = described()
    done = _measured(wanted)
    for section in done:
        print(_shown(section))
    if set(wanted) == set(SECTIONS):
        PAGE.write_text("\n".join([HEAD, piped(("measured on", ""), machine), "", *map(_shown, done)]))
        print(f"Wrote {PAGE.relative_to(ROOT)}.")
    missed = [
        goal for section in done for goal in section.goals if goal.limit is not None and goal.measured > goal.limit
    ]
    return 1 if missed else 0


def _measured(wanted: Sequence[str]) -> list[Section]:
    with own_instance(VISION_PACK="dlib") as instance, tempfile.TemporaryDirectory() as folder:
        hr, client = (_login(instance, role) for role in ("hr", "client"))
        portrait = packaged()["hopper"]
        bench = Bench(instance, hr, client, _enrolled(hr, portrait), portrait, Path(folder))
        done: list[Section] = []
        for name in wanted:
            if name in NEEDS_CROWD and not any(one.name in NEEDS_CROWD for one in done):
                print(f"Making {reading.PEOPLE:,} people ...", flush=True)
                instance.python("-m", "bench.crowd", str(reading.PEOPLE), "bench-client")
            print(f"Measuring: {name} ...", flush=True)
            done.append(SECTIONS[name](bench))
        return done


def _login(instance: Instance, role: str) -> Caller:
    username, password = f"bench-{role}", secrets.token_urlsafe(12)
    instance.make_login(username, password, role)
    return Caller(instance.address, username, password)


def _enrolled(hr: Caller, portrait: Portrait) -> str:
    """Enroll the portrait from three photos and return the person's id."""
    photos_of = [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)]
    body = {
        "full_name": portrait.name,
        "employee_id": "BENCH-1",
        "images": [b64(photo) for photo in photos_of],
        "consent": {"policy_version": "bench", "method": "written", "given_at": datetime.now(UTC).isoformat()},
    }
    return str(hr.post("/register-multiple/", json=body)["person_id"])


def _shown(section: Section) -> str:
    parts = [f"## {section.title}", "", f"`python -m bench.run {section.name}`", ""]
    if section.goals:
        parts += [piped(GOALS, [goal.row() for goal in section.goals]), ""]
    parts += [piped(section.header, section.rows), ""] if section.rows else []
    for note in section.notes:
        parts += [note, ""]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
