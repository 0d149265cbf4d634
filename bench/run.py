"""`make bench`: measure, and write docs/benchmarks.md. With names (`python -m bench.run clip`) only these."""

import argparse
import logging
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import clips, comparing, decoding, lasting, lfw, page, photos, reading, running
from bench.client import Caller
from bench.figures import Section
from bench.films import FULL_HD, ULTRA_HD
from bench.instance import ROOT, Instance, own_instance
from bench.machine import Moment
from bench.pictures import b64, retaken
from bench.portraits import Portrait, packaged

KEPT = ROOT / "var" / "bench"
"""What takes long to make and is the same in every run: clips, templates of LFW."""


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
    return clips.measure(bench.client, bench.person, bench.portrait, KEPT, FULL_HD)


def _clip_4k(bench: Bench) -> Section:
    return clips.measure(bench.client, bench.person, bench.portrait, KEPT, ULTRA_HD)


def _clips_at_once(bench: Bench) -> Section:
    return clips.measure_at_once(bench.client, bench.person, bench.portrait, KEPT)


def _decoding(bench: Bench) -> Section:
    return decoding.measure(bench.portrait, KEPT)


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
    return lfw.measure(Path(bench.instance.environment["MODELS_DIR"]), KEPT)


@dataclass(frozen=True, slots=True)
class Measured:
    section: Section
    text: str


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
    parser.add_argument("--write", action="store_true", help="put the named ones onto docs/benchmarks.md as well")
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    wanted: Sequence[str] = options.sections or tuple(SECTIONS)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    done = _measured(wanted)
    for section in done.values():
        print(section.text)
    if options.write or not options.sections:
        page.write({name: section.text for name, section in done.items()}, SECTIONS)
        print(f"Wrote {page.PAGE.relative_to(ROOT)}.")
    goals = [goal for section in done.values() for goal in section.section.goals]
    return 1 if any(goal.limit is not None and goal.measured > goal.limit for goal in goals) else 0


def _measured(wanted: Sequence[str]) -> dict[str, Measured]:
    with own_instance(VISION_PACK="dlib") as instance, tempfile.TemporaryDirectory() as folder:
        hr, client = (_login(instance, role) for role in ("hr", "client"))
        portrait = packaged()["hopper"]
        bench = Bench(instance, hr, client, _enrolled(hr, portrait), portrait, Path(folder))
        done: dict[str, Measured] = {}
        for name in wanted:
            if name in NEEDS_CROWD and not set(NEEDS_CROWD) & set(done):
                print(f"Making {reading.PEOPLE:,} people ...", flush=True)
                instance.python("-m", "bench.crowd", str(reading.PEOPLE), "bench-client")
            print(f"Measuring: {name} ...", flush=True)
            began = Moment.now()
            section = SECTIONS[name](bench)
            done[name] = Measured(section, page.shown(section, began))
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


if __name__ == "__main__":
    sys.exit(main())
