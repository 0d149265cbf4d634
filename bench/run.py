"""`make bench`: measure, and write docs/benchmarks.md. With names (`python -m bench.run clip`) only these."""

import argparse
import logging
import secrets
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import accepting, clips, comparing, decoding, lasting, lfw, page, photos, reading, running, scale, searching
from bench.client import Caller
from bench.figures import Section
from bench.films import FULL_HD, ULTRA_HD
from bench.instance import ROOT, Instance, InstanceError, own_instance
from bench.machine import Moment
from bench.pictures import b64, retaken
from bench.portraits import Portrait, packaged
from bench.scale import Scale, own_scale
from heirloom.vision.runtime import CPU, CUDA

MODELS = ROOT / "var" / "models"
NVIDIA = Path("/dev/nvidiactl")
KEPT = ROOT / "var" / "bench"
"""What takes long to make and is the same in every run: clips, templates of LFW."""


@dataclass(slots=True)
class Bench:
    instance: Instance
    hr: Caller
    client: Caller
    person: str
    portrait: Portrait
    folder: Path
    crowded: bool = False

    def fill(self) -> None:
        """Make the 10,000 people that some sections are measured among, once."""
        if not self.crowded:
            print(f"Making {reading.PEOPLE:,} people ...", flush=True)
            self.instance.python("-m", "bench.crowd", str(reading.PEOPLE), "bench-client")
            self.crowded = True


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
    bench.fill()
    models_dir = Path(bench.instance.environment["MODELS_DIR"])
    return photos.measure(bench.client, bench.hr, bench.person, bench.portrait, models_dir)


def _reading(bench: Bench) -> Section:
    bench.fill()
    return reading.measure(bench.hr, bench.client)


def _runtime(_: None) -> Section:
    return running.measure(MODELS, CPU)


def _runtime_gpu(_: None) -> Section:
    return running.measure(MODELS, CUDA)


def _lfw(bench: Bench) -> Section:
    return lfw.measure(Path(bench.instance.environment["MODELS_DIR"]), KEPT)


def _accept(ground: Scale) -> Section:
    portrait = packaged()["hopper"]
    person = _enrolled(ground.caller("hr", 0), portrait)
    return accepting.measure(ground, person, portrait, KEPT)


@contextmanager
def _bench() -> Iterator[Bench]:
    with own_instance(VISION_PACK="dlib") as instance, tempfile.TemporaryDirectory() as folder:
        hr, client = (_login(instance, role) for role in ("hr", "client"))
        portrait = packaged()["hopper"]
        yield Bench(instance, hr, client, _enrolled(hr, portrait), portrait, Path(folder))


@contextmanager
def _alone() -> Iterator[None]:
    yield


@dataclass(frozen=True, slots=True)
class Stage:
    """What several sections are measured on: set up for the first of them, ended after the last."""

    set_up: Callable[[], AbstractContextManager[Any]]
    sections: Mapping[str, Callable[[Any], Section]]


STAGES = (
    Stage(
        _bench,
        {
            "compare": _compare,
            "clip": _clip,
            "clip-4k": _clip_4k,
            "clips-at-once": _clips_at_once,
            "decoding": _decoding,
            "photo": _photo,
            "reading": _reading,
            "lfw": _lfw,
            "memory": _memory,
        },
    ),
    Stage(
        own_scale,
        {"growth": scale.measure_growth, "reading-at-scale": scale.measure_reading, "accept": _accept},
    ),
    Stage(_alone, {"search": lambda _: searching.measure(), "runtime": _runtime, "runtime-gpu": _runtime_gpu}),
)
SECTIONS = tuple(name for stage in STAGES for name in stage.sections)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="all if none is named")
    parser.add_argument("--write", action="store_true", help="put the named ones onto docs/benchmarks.md as well")
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    wanted: Sequence[str] = options.sections or [name for name in SECTIONS if name != "runtime-gpu" or NVIDIA.exists()]
    logging.getLogger("httpx").setLevel(logging.WARNING)
    failed = False
    for stage in STAGES:
        if names := [name for name in stage.sections if name in wanted]:
            for section in _measured(stage, names, write=options.write or not options.sections):
                failed |= section is None or not section.within_limits
    return 1 if failed else 0


def _measured(stage: Stage, names: Sequence[str], *, write: bool) -> Iterator[Section | None]:
    """Yield what was measured, each printed and written down at once; None for what failed, and is told on stderr."""
    try:
        with stage.set_up() as ground:
            for name in names:
                print(f"Measuring: {name} ...", flush=True)
                yield _section(stage.sections[name], ground, write=write)
    except InstanceError:
        traceback.print_exc()
        yield None


def _section(measure: Callable[[Any], Section], ground: Any, *, write: bool) -> Section | None:
    began = Moment.now()
    try:
        section = measure(ground)
    except Exception:  # noqa: BLE001 - whatever breaks one section must not cost the others their figures
        traceback.print_exc()
        return None
    text = page.shown(section, began)
    print(text, flush=True)
    if write:
        page.write({section.name: text}, SECTIONS)
        print(f"Wrote {page.PAGE.relative_to(ROOT)}.", flush=True)
    return section


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
