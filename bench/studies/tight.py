"""What MiniFASNet says of a face that fills the picture, and whether padding would help: `python -m bench.studies.tight
FOLDER` writes docs/models/minifasnet-tight.md.

FOLDER is what `python -m bench.attacks FOLDER` makes; press photos, and their prints and screens made by software, are
added from the shared faces. HEIRLOOM_TEST_ASSETS names those, MODELS_DIR a folder with MiniFASNet's weights, and
YuNet's where they should be used. No camera saw what software made, so the shares are no rates of attacks: they compare
cuts of the same pictures.
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from bench.attacks import on_paper
from bench.instance import ROOT
from bench.machine import described
from bench.pictures import on_screen
from bench.portraits import Portrait
from bench.studies.upright import read
from heirloom.decision.attack_policy import load
from heirloom.evaluation.attacks import CLIPS
from heirloom.evaluation.pictures import people_in
from heirloom.evaluation.report import Report, Section, Table, markdown
from heirloom.media import video
from heirloom.media.types import Image
from heirloom.vision.attack import LEAST_CONTEXT, WIDENINGS, MiniFasnet, context_of, face_area
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.names import MINIFASNET
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import AnalysisRequest, Box

PAGE = ROOT / "docs" / "models" / "minifasnet-tight.md"
PEOPLE, FRAMES = 150, 6
CONTEXTS = (1.1, 1.3, LEAST_CONTEXT, 2.0, 2.7)
PADDED_FROM = 1.3
PADDINGS = {
    "mirrored edge": cv2.BORDER_REFLECT_101,
    "repeated edge": cv2.BORDER_REPLICATE,
    "black": cv2.BORDER_CONSTANT,
}
WHOLE = "whole picture"
MACHINE = {"processor", "cores", "system", "Python", "packages"}


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A picture of some kind, and where the networks expect its face."""

    kind: str
    image: Image
    box: Box


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.tight", description=__doc__)
    parser.add_argument("folder", type=Path, help="made by python -m bench.attacks")
    parser.add_argument("--people", type=int, default=PEOPLE, help="press photos of as many people")
    given = parser.parse_args()
    models = Path(os.environ.get("MODELS_DIR", "var/models"))
    engine = VisionEngine(VisionConfig(models))
    engine.load()
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    network = MiniFasnet(models, Runtime())
    for shown in _found(engine, _pictures(given.folder, given.people)):
        cuts = dict(_cuts(shown))
        for cut, score in zip(cuts, network.attack_scores(list(cuts.values())), strict=True):
            scores[cut][shown.kind].append(float(score))
    engine.close()
    _write(scores)


def _pictures(folder: Path, people: int) -> Iterator[tuple[str, Image]]:
    for species in sorted(path for path in folder.iterdir() if path.is_dir()):
        for path in sorted(species.iterdir()):
            moves = path.suffix.lower() in CLIPS
            frames = video.sample(path, video.probe(path), count=FRAMES) if moves else (read(path),)
            yield from ((f"{species.name}, {'clips' if moves else 'photos'}", frame) for frame in frames)
    shared = people_in(Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data" / "faces" / "lfw")
    for path in [pictures[0] for pictures in shared.values()][:people]:
        data = path.read_bytes()
        with PillowImage.open(BytesIO(data)) as opened:
            portrait = Portrait(path.stem, np.asarray(opened.convert("RGB"), np.uint8), data)
        yield "press photos", Image(portrait.pixels)
        for kind, made in (("their screens", on_screen(portrait)), ("their prints", on_paper(portrait))):
            with PillowImage.open(BytesIO(made)) as opened:
                yield kind, Image(np.asarray(opened.convert("RGB"), np.uint8))


def _found(engine: VisionEngine, pictures: Iterator[tuple[str, Image]]) -> Iterator[Shown]:
    detector = "yunet" if "yunet" in engine.status().detectors else ""
    for kind, image in pictures:
        [frame] = engine.analyze([image], AnalysisRequest(detector=detector))
        if frame.faces:
            yield Shown(kind, image, face_area(frame.faces[0].face))


def _cuts(shown: Shown) -> Iterator[tuple[str, tuple[Image, Box]]]:
    """The picture whole, cut so that it holds the face's box so many times, and once padded again."""
    yield WHOLE, (shown.image, shown.box)
    for context in CONTEXTS:
        if context_of(shown.image, shown.box) < context:
            continue
        cut = _cut(shown.image, shown.box, context)
        yield f"{context:g} boxes", cut
        if context == PADDED_FROM:
            for name, border in PADDINGS.items():
                yield f"{context:g} boxes, padded: {name}", _padded(*cut, border)


def _cut(image: Image, box: Box, context: float) -> tuple[Image, Box]:
    height, width = image.pixels.shape[:2]
    across, down = int(box.width * context), int(box.height * context)
    left = int(np.clip(box.x + box.width / 2 - across / 2, 0, max(0, width - across)))
    top = int(np.clip(box.y + box.height / 2 - down / 2, 0, max(0, height - down)))
    pixels = np.ascontiguousarray(image.pixels[top : top + down, left : left + across])
    return Image(pixels), Box(box.x - left, box.y - top, box.width, box.height)


def _padded(image: Image, box: Box, border: int) -> tuple[Image, Box]:
    """Widen the picture until both networks find all the room that they look at."""
    height, width = image.pixels.shape[:2]
    room = max(WIDENINGS.values()) + 0.05
    across = max(0, int(np.ceil((box.width * room - width) / 2)))
    down = max(0, int(np.ceil((box.height * room - height) / 2)))
    pixels = np.asarray(cv2.copyMakeBorder(image.pixels, down, down, across, across, border), np.uint8)
    return Image(pixels), Box(box.x + across, box.y + down, box.width, box.height)


def _write(scores: dict[str, dict[str, list[float]]]) -> None:
    policy = load(MINIFASNET)
    cell = policy.cell(1) if policy else None
    if policy is None or cell is None:
        raise SystemExit("MiniFASNet has no policy for single pictures.")
    kinds = tuple(scores[WHOLE])
    rows = [
        (cut, *(_share(scores[cut].get(kind, ()), cell.bona_fide_below, cell.attack_from) for kind in kinds))
        for cut in scores
    ]
    machine = "; ".join(" ".join(row) for row in described() if row[0] in MACHINE)
    lead = f"`{' '.join(['python -m bench.studies.tight', *sys.argv[1:]])}`. Machine: {machine}"
    text = (
        f"Share of pictures taken for bona fide (under {cell.bona_fide_below:g}) / for an attack (from "
        f"{cell.attack_from:g} on) / how many pictures. *boxes*: how often the face's box fits into the picture side "
        f"by side; under {LEAST_CONTEXT:g} the product gives no answer (`face_too_tight`). Prints, screens and replays "
        "were made by software; a column compares cuts of the same pictures and states no rate."
    )
    section = Section("tight", "Cuts", (text,), Table(("cut", *kinds), tuple(rows)))
    report = Report("MiniFASNet and faces that fill the picture", (f"{lead}.", *CONCLUSIONS), (section,))
    PAGE.write_text(markdown(report, PAGE.stem), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}.")


CONCLUSIONS = (
    (
        "What the networks know of a print or screen is most of all its edge. Padding puts a border in the edge's "
        "place: a repeated or mirrored one turns most attacks into bona fide pictures, a black one everybody into an "
        "attack. So nothing is padded. Nor is a tight picture heard as it is, not even to accuse: it calls too many "
        "live people attacks. It gets no answer, goes to a reviewer, and the sender is told to hold the camera farther "
        "away."
    ),
    (
        "Where a print or screen is held so near, or shows so much, that no edge is in the picture, far more of them "
        "pass: compare their columns at 2 boxes with the whole pictures. No limit on the room around a face mends that."
    ),
)


def _share(scores: Sequence[float], below: float, from_: float) -> str:
    if not scores:
        return "—"
    told = np.asarray(scores)
    return f"{np.mean(told < below):.0%} / {np.mean(told >= from_):.0%} / {len(told)}"


if __name__ == "__main__":
    main()
