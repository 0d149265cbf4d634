"""Measures the numbers by which a face is proved upright: `python -m bench.studies.upright` writes upright.json.

HEIRLOOM_TEST_ASSETS names the shared faces, MODELS_DIR a folder for rebuilt graphs; YuNet's landmarks are learned from
as well where its file lies there. Everything is learned from one half of the people and tried on the other, both ways,
before the numbers are made of all. Takes some minutes on two cores.
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from heirloom.evaluation.pictures import people_in
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision import uprightness
from heirloom.vision.detection import Detector, Pixels, Search
from heirloom.vision.packs import dlib, yunet
from heirloom.vision.packs.registry import Registry
from heirloom.vision.runtime import Runtime
from heirloom.vision.turning import QUARTERS, turned_image
from heirloom.vision.types import Floats
from heirloom.vision.uprightness import EYES, SIDE, Numbers, Uprightness, gradients, shape_seen, square

ROLLS_DEG = (-45, -30, -15, 0, 15, 30, 45)
UPRIGHT_WITHIN_DEG, TURNED_FROM_DEG = 35.0, 50.0
"""Faces whose points are off by something between are neither, and are not learned from."""
RIDGE = 0.1
DRAWS = 3
CLEAR = 6.0
"""Logarithm of the odds from which gradients alone are proof: 400 to 1, and over every turned face seen."""

PROVED = 2.0
"""From where both witnesses together are: over every turned face seen, of 1,595 the likeliest had 1.4."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One face as a detector found it. quarters, roll: how the picture was turned before. half: of the people."""

    path: Path
    half: int
    detector: str
    quarters: int
    roll: int
    points5: Floats

    @property
    def is_upright(self) -> bool:
        """Whether the points stand as the head does, whichever way that is."""
        return self.off_deg < UPRIGHT_WITHIN_DEG

    @property
    def off_deg(self) -> float:
        """How far off the picture's own way down is that from eyes to mouth, as the points have it."""
        down = self.points5[3:].mean(axis=0) - self.points5[:2].mean(axis=0)
        claimed = np.degrees(np.arctan2(down[0], down[1]))
        return float(abs((claimed - 90 * self.quarters - self.roll + 180) % 360 - 180))

    def pixels(self) -> Pixels:
        return shown(self.path, self.quarters, self.roll).pixels


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.upright", description=__doc__)
    parser.add_argument("--keep", type=Path, help="a file that keeps where the faces were found")
    parser.add_argument("--people", type=int, help="learn from the first so many people only")
    given = parser.parse_args()
    models_dir = Path(os.environ.get("MODELS_DIR", "var/models"))
    faces = _kept(given.keep, models_dir, given.people)
    faces = [each for each in faces if not UPRIGHT_WITHIN_DEG <= each.off_deg < TURNED_FROM_DEG]
    prover = Uprightness(Runtime(), models_dir)
    leads = np.array([prover.leads(face.pixels(), face.points5) for face in faces])
    seen, upright = _by_the_other_half(faces), np.array([face.is_upright for face in faces])
    shape, both = _logistic(seen, upright), _logistic(np.hstack([seen, leads]), upright)
    ones = np.ones((len(faces), 1))
    _tell(faces, np.hstack([seen, ones]) @ shape, np.hstack([seen, leads, ones]) @ both)
    line, offset = _line(faces)
    _write(Numbers({}, line, offset, shape, both, CLEAR, PROVED), faces)


@lru_cache(2)
def shown(path: Path, quarters: int, roll: int) -> Image:
    """Return a picture rolled by so many degrees about its middle, then turned by quarters."""
    return turned_image(rolled(read(path), roll), quarters)


@lru_cache(2000)
def read(path: Path) -> Image:
    """Return a picture; decoding it in a child process costs more than what is done with it."""
    return read_image(path.read_bytes())


def rolled(image: Image, degrees: float) -> Image:
    """Return the picture turned about its middle, counter-clockwise, black where nothing is known."""
    if degrees == 0:
        return image
    matrix = cv2.getRotationMatrix2D(((image.width - 1) / 2, (image.height - 1) / 2), degrees, 1.0)
    return Image(np.asarray(cv2.warpAffine(image.pixels, matrix, (image.width, image.height)), np.uint8))


def _by_the_other_half(faces: Sequence[Seen]) -> Doubles:
    """Return (n, 2): what a line learned from the other half of the people sees of each face."""
    seen = np.empty((len(faces), 2))
    for half in (0, 1):
        line, offset = _line([face for face in faces if face.half != half])
        bare = Numbers({}, line, offset, np.zeros(3), np.zeros(5), 0.0, 0.0)
        for at, face in enumerate(faces):
            if face.half == half:
                seen[at] = shape_seen(face.pixels(), face.points5, bare)
    return seen


def _kept(keep: Path | None, models_dir: Path, people: int | None) -> list[Seen]:
    if keep is not None and keep.exists():
        return [
            Seen(Path(row["path"]), **{**row["rest"], "points5": np.array(row["points5"], np.float32)})
            for row in json.loads(keep.read_text())
        ]
    found = list(_found(models_dir, people))
    if keep is not None:
        keep.write_text(json.dumps([_as_row(face) for face in found]))
        keep.chmod(0o600)
    return found


def _as_row(face: Seen) -> dict[str, Any]:
    rest = {"half": face.half, "detector": face.detector, "quarters": face.quarters, "roll": face.roll}
    return {"path": str(face.path), "points5": face.points5.tolist(), "rest": rest}


def _found(models_dir: Path, people: int | None) -> Iterator[Seen]:
    """Every person's first picture, upright and turned, as each detector finds the face; turned ones are rolled too."""
    folder = Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data" / "faces" / "lfw"
    detectors, random = _detectors(models_dir), np.random.default_rng(0)
    for number, pictures in enumerate(people_in(folder, people).values()):
        for quarters in range(QUARTERS):
            for roll in {0: {0}}.get(quarters, set()) | {int(random.choice(ROLLS_DEG))}:
                image = shown(pictures[0], quarters, roll)
                for detector in detectors:
                    for face in detector.detect(image, Search())[:1]:
                        yield Seen(pictures[0], number % 2, detector.name, quarters, roll, face.points5)
        if number % 100 == 0:
            print(f"{number} people", flush=True)


def _detectors(models_dir: Path) -> list[Detector]:
    registry = Registry(models_dir, Runtime(), dlib.NAME)
    here = registry.detectors()
    packs = registry.pack(dlib.NAME)
    return [registry.detector(name, packs) for name in (dlib.NAME, yunet.NAME) if name in here]


def _line(faces: Sequence[Seen]) -> tuple[Doubles, float]:
    """Return Fisher's discriminant of squares cut out of upright faces, against all that is none.

    What is none: squares cut out of turned faces as their landmarks say, and of upright faces turned by 60 to 300
    degrees. Every square is shifted, scaled and rolled a little, as landmarks err.
    """
    random = np.random.default_rng(1)
    upright, other = [], []
    for face in faces:
        pixels = face.pixels()
        if face.is_upright:
            upright.append(_jittered(pixels, face, random, random.uniform(-12, 12)))
            other.append(_jittered(pixels, face, random, random.uniform(60, 300)))
            other.append(_jittered(pixels, face, random, 90 * random.integers(1, 4) + random.uniform(-12, 12)))
        else:
            other += [_jittered(pixels, face, random, random.uniform(-8, 8)) for _ in range(DRAWS)]
    one, two = np.array(upright, np.float64), np.array(other, np.float64)
    spread = (np.cov(one.T) + np.cov(two.T)) / 2
    spread += np.eye(len(spread)) * RIDGE * np.trace(spread) / len(spread)
    line = np.linalg.solve(spread, one.mean(axis=0) - two.mean(axis=0))
    line /= np.sqrt(line @ spread @ line)
    return line, float(-line @ (one.mean(axis=0) + two.mean(axis=0)) / 2)


def _jittered(pixels: Pixels, face: Seen, random: np.random.Generator, degrees: float) -> Floats:
    turn, grown = np.radians(degrees), float(np.exp(random.normal(0, 0.09)))
    rotation = grown * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    bent = np.hstack([rotation, random.normal(0, 1.8, (2, 1))])
    return gradients(square(pixels, face.points5, SIDE, EYES, bent))


def _logistic(seen: Doubles, upright: NDArray[np.bool_], steps: int = 100, ridge: float = 1e-2) -> Doubles:
    """Return weights and constant by Newton's steps, both classes counting alike."""
    rows = np.hstack([seen, np.ones((len(seen), 1))])
    share = np.where(upright, 0.5 / upright.mean(), 0.5 / (~upright).mean())
    weights = np.zeros(rows.shape[1])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        bend = (rows * (share * chance * (1 - chance) + 1e-9)[:, None]).T @ rows + ridge * np.eye(len(weights))
        weights += np.linalg.solve(bend, rows.T @ (share * (upright - chance)) - ridge * weights)
    return weights


def _tell(faces: Sequence[Seen], by_shape: Doubles, by_both: Doubles) -> None:
    """Print what lines learned from one half of the people say of the other."""
    names = np.array([face.detector for face in faces])
    upright = np.array([face.is_upright for face in faces])
    tilted = np.array([face.roll != 0 for face in faces])
    kinds = {"upright": upright & ~tilted, "upright, rolled": upright & tilted, "turned": ~upright}
    for name in np.unique(names):
        for kind, chosen in kinds.items():
            shape, both = by_shape[(names == name) & chosen], by_both[(names == name) & chosen]
            proved = (shape >= CLEAR) | (both >= PROVED)
            print(f"{name}, {kind}: {len(both)} faces, {proved.sum()} proved, {(shape >= CLEAR).sum()} by shape alone;")
            for word, odds in (("shape", shape), ("both", both)):
                print(f"  {word}:", np.round(np.quantile(odds, (0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1)), 1))


def _write(known: Numbers, faces: Sequence[Seen]) -> None:
    provenance = {
        "data_set": "Labeled Faces in the Wild, deep-funneled, the first picture of each person of folds 1 to 3",
        "people": len({face.path for face in faces}),
        "upright_faces": sum(face.is_upright for face in faces),
        "turned_faces": sum(not face.is_upright for face in faces),
        "detectors": sorted({face.detector for face in faces}),
        "measured_on": datetime.now(tz=UTC).date().isoformat(),
        "command": "python -m bench.studies.upright",
    }
    raw = {
        "provenance": provenance,
        "offset": round(known.offset, 5),
        "shape": [round(each, 5) for each in known.shape.tolist()],
        "both": [round(each, 5) for each in known.both.tolist()],
        "clear": known.clear,
        "proved": known.proved,
        "line": [round(each, 5) for each in known.line.tolist()],
    }
    uprightness.DATA_FILE.write_text(json.dumps(raw) + "\n", encoding="utf-8")
    print(f"Wrote {uprightness.DATA_FILE.name}.")


if __name__ == "__main__":
    main()
