"""Whose five points align a face: `python -m bench.studies.points --folder lfw --pack fused`.

Single photos of the people who have two or more, each template made by dlib's points and by YuNet's; misses are counted
among pairs of one person by either, and with one photo of a pair aligned by each, at thresholds that so many pairs of
strangers pass.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.instance import ROOT
from heirloom.evaluation.pictures import labelled_face, people_in
from heirloom.media.image import read_image
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.packs import dlib, yunet
from heirloom.vision.types import AnalysisRequest, Floats

TARGETS = (1e-3, 1e-4)
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.points", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="a folder with one subfolder of pictures a person")
    parser.add_argument("--pack", default="fused")
    parser.add_argument("--models", type=Path, default=ROOT / "var" / "models")
    parser.add_argument("--max-people", type=int, help="the first so many people with two pictures or more")
    parser.add_argument("--keep-templates", type=Path, help="a file that keeps them: biometric data, in plain")
    options = parser.parse_args()
    several = {name: paths for name, paths in people_in(options.folder).items() if len(paths) > 1}
    pictures = [path for paths in list(several.values())[: options.max_people] for path in paths]
    found = _kept(options.keep_templates) or _computed(options.models, options.pack, pictures)
    if options.keep_templates and not options.keep_templates.exists():
        np.savez(options.keep_templates, **found)  # type: ignore[arg-type]
    people = [str(name) for name in found["people"]]
    print(f"{len(people):,} photos of {len(set(people)):,} people")
    for name, left, right in (("dlib", dlib, dlib), ("yunet", yunet, yunet), ("one of each", dlib, yunet)):
        missed = misses(found[left.NAME], found[right.NAME], people)
        print(name, *(f"{share:.1%} at FMR {fmr:g}" for fmr, share in zip(TARGETS, missed, strict=True)), sep="; ")


def misses(left: Floats, right: Floats, people: Sequence[str]) -> list[float]:
    """Return the share of pairs of one person below the score that the share TARGETS of strangers' pairs reaches.

    left, right: (n, d) unit templates of the same photos, of which pairs take one each.
    """
    one, other = np.triu_indices(len(people), 1)
    _, whose = np.unique(people, return_inverse=True)
    scores, same = (left @ right.T)[one, other], whose[one] == whose[other]
    strangers = np.sort(scores[~same])
    thresholds = [strangers[int(np.ceil(len(strangers) * (1 - fmr)))] for fmr in TARGETS]
    return [float((scores[same] < threshold).mean()) for threshold in thresholds]


def _computed(models_dir: Path, pack: str, pictures: Sequence[Path]) -> dict[str, Floats]:
    """Return templates by either detector of the photos in which both find the labelled face, and whose they are."""
    engine = VisionEngine(VisionConfig(models_dir, pack=pack, acknowledged=(pack,)))
    engine.load()
    made: dict[str, dict[Path, Floats]] = {}
    for name in (dlib.NAME, yunet.NAME):
        request = AnalysisRequest(pack=pack, detector=name, want=frozenset({"template"}), use_fallback=False)
        made[name] = {}
        for start in range(0, len(pictures), BATCH):
            paths = pictures[start : start + BATCH]
            images = [read_image(path.read_bytes()) for path in paths]
            for path, image, analysis in zip(paths, images, engine.analyze(images, request), strict=True):
                face = labelled_face(image, analysis)
                if face is not None and face.template is not None:
                    made[name][path] = face.template.vector
    engine.close()
    both = [path for path in pictures if all(path in vectors for vectors in made.values())]
    stacked = {name: np.stack([vectors[path] for path in both]) for name, vectors in made.items()}
    return stacked | {"people": np.array([path.parent.name for path in both])}


def _kept(file: Path | None) -> dict[str, Floats]:
    if file is None or not file.exists():
        return {}
    with np.load(file, allow_pickle=False) as kept:
        return dict(kept)


if __name__ == "__main__":
    main()
