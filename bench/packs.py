"""What one face costs with each pack: `python -m bench.packs`; --write keeps the multiples for `models list`.

One picture at a time on one thread, all packs in turn in each round, so that whatever else the machine does falls on
all of them alike; the multiple of a round is against the built-in pack in the same round.
"""

import argparse
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import timed, told
from bench.instance import ROOT
from bench.portraits import packaged
from heirloom.media.types import Image
from heirloom.vision.detection import Search
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.features import Recogniser, templates
from heirloom.vision.packs.costs import DATA_FILE
from heirloom.vision.packs.dlib import NAME as BUILT_IN
from heirloom.vision.packs.registry import Registry
from heirloom.vision.runtime import CPU, Runtime
from heirloom.vision.types import AnalysisRequest, Face

ROUNDS = 25
WANTED = frozenset({"template"})


@dataclass(slots=True)
class Times:
    """Seconds of each round. photo: from pixels to template. template: of the found face alone."""

    photo: list[float] = field(default_factory=list)
    template: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.packs", description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / "var" / "models", help="the models folder to look into")
    parser.add_argument("--write", action="store_true", help=f"keep the multiples in {DATA_FILE.name}")
    options = parser.parse_args()
    times = measured(options.models)
    photo, template = multiples(times, "photo"), multiples(times, "template")
    for name, of in times.items():
        least = f"least {told(min(of.photo))}, of which template {told(min(of.template))}"
        print(f"{name:24} a photo {photo[name]:.2f}, a template alone {template[name]:.2f} times {BUILT_IN}'s; {least}")
    if options.write:
        write(photo)


def measured(models_dir: Path) -> dict[str, Times]:
    """Return the times of each pack that is installed, whatever its terms: nobody is recognised by it here."""
    packs = VisionEngine(VisionConfig(models_dir)).status().packs
    names = tuple(pack.name for pack in packs if pack.installed)
    engine = VisionEngine(VisionConfig(models_dir, threads=1, acknowledged=names))
    engine.load()
    known = Registry(models_dir, Runtime(CPU, 1), BUILT_IN, acknowledged=names)
    image = Image(packaged()["hopper"].pixels)
    face = replace(known.pack(BUILT_IN).detector.detect(image, Search())[0], turn=0)
    times = {name: Times() for name in names}
    for round_ in range(ROUNDS + 1):
        for name, of in times.items():
            photo, template = _once(engine, name, image), _made(known.pack(name).recogniser, image, face)
            if round_:  # the first loads what is not loaded yet
                of.photo.append(photo)
                of.template.append(template)
    engine.close()
    return times


def multiples(times: Mapping[str, Times], what: str) -> dict[str, float]:
    """Return by how much each pack takes longer than the built-in one, the median over rounds."""
    base = getattr(times[BUILT_IN], what)
    pairs = {name: zip(getattr(of, what), base, strict=True) for name, of in times.items()}
    return {name: round(statistics.median(one / other for one, other in of), 2) for name, of in pairs.items()}


def write(photo: Mapping[str, float]) -> None:
    """Keep the multiples; those of packs that are not here stay as they were."""
    known = json.loads(DATA_FILE.read_text(encoding="utf-8"))["packs"] if DATA_FILE.exists() else {}
    said = {"measured_on": datetime.now(UTC).date().isoformat(), "command": "python -m bench.packs --write"}
    DATA_FILE.write_text(json.dumps({**said, "packs": known | dict(photo)}, indent=1) + "\n", encoding="utf-8")


def _once(engine: VisionEngine, pack: str, image: Image) -> float:
    return timed(lambda: engine.analyze([image], AnalysisRequest(pack=pack, want=WANTED)))


def _made(recogniser: Recogniser, image: Image, face: Face) -> float:
    return timed(lambda: templates(recogniser, [(image, face)]))


if __name__ == "__main__":
    main()
