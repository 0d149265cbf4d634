"""Labelled pictures in, labelled templates out."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heirloom.errors import Refusal
from heirloom.evaluation.gallery import Gallery
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision.types import AnalysisRequest, Floats, FrameAnalysis, Observation, Vision

BATCH = 32
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic"})


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures and whether they show one person."""

    left: Path
    right: Path
    same: bool


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """vectors: what came of each picture that gave a template. failed: the others, with the code that says why."""

    vectors: dict[Path, Floats]
    failed: dict[Path, str]


def people_in(folder: Path, most: int | None = None) -> dict[str, list[Path]]:
    """Return the pictures of each person, one subfolder a person, in the order of their names.

    Raises ValueError where there are none.
    """
    found: dict[str, list[Path]] = {}
    for one in sorted(path for path in folder.iterdir() if path.is_dir()):
        pictures = sorted(path for path in one.iterdir() if path.suffix.lower() in SUFFIXES)
        if pictures:
            found[one.name] = pictures
    if not found:
        raise ValueError(f"{folder} holds no folder with pictures in it")
    return dict(list(found.items())[:most])


def corrected(people: dict[str, list[Path]], file: Path) -> dict[str, list[Path]]:
    """Return the same pictures with the labels of some mended.

    file: a CSV file with a header and two columns: a picture as FOLDER/NAME, and the folder of the person whom it shows
    in truth; nothing there leaves the picture out. One picture under two names reads as two people who could not be
    more alike, and a rate of one in 10,000 hangs on it.
    Raises ValueError for a picture or a person that is not there.
    """
    truth = dict(_corrections(file))
    known = {f"{name}/{path.name}": path for name, paths in people.items() for path in paths}
    if unknown := (truth.keys() - known.keys()) | (set(truth.values()) - people.keys() - {""}):
        raise ValueError(f"{file}: the folder holds no {', '.join(sorted(unknown))}")
    mended = {
        name: [path for path in paths if truth.get(f"{name}/{path.name}", name) == name]
        for name, paths in people.items()
    }
    for picture, name in truth.items():
        if name and known[picture] not in mended[name]:
            mended[name].append(known[picture])
    return {name: paths for name, paths in mended.items() if paths}


def _corrections(file: Path) -> Iterator[tuple[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        for row in list(csv.reader(lines))[1:]:
            if row:
                if len(row) != 2:
                    raise ValueError(f"{file}: {','.join(row)} is not a picture and a person")
                yield row[0].strip(), row[1].strip()


def pairs_in(file: Path, images: Path) -> list[Pair]:
    """Return the pairs of a CSV file with a header and three columns: two files under `images`, and 1, yes or true
    where they show one person (0, no or false where not).

    Raises ValueError for anything else in the third column.
    """
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))[1:]
    return [Pair(images / row[0], images / row[1], _truth(row[2], file)) for row in rows if row]


def compute(
    pictures: Sequence[Path], vision: Vision, pack: str, tell: Callable[[int, int], None] = lambda _done, _of: None
) -> Computed:
    """Return the template of each picture's labelled face: the one nearest its middle. `tell` hears how many are done.

    A picture that cannot be read or shows no face is counted, never guessed.
    """
    vectors: dict[Path, Floats] = {}
    failed: dict[Path, str] = {}
    request = AnalysisRequest(pack=pack, want=frozenset({"template"}))
    for start in range(0, len(pictures), BATCH):
        readable = list(_readable(pictures[start : start + BATCH], failed))
        analyses = vision.analyze([image for _, image in readable], request)
        for (path, image), analysis in zip(readable, analyses, strict=True):
            face = labelled_face(image, analysis)
            if face is None or face.template is None:
                failed[path] = "no_face"
            else:
                vectors[path] = face.template.vector
        tell(len(vectors) + len(failed), len(pictures))
    return Computed(vectors, failed)


def gallery_of(people: dict[str, list[Path]], vectors: dict[Path, Floats]) -> Gallery:
    """Return the templates of these people. Raises ValueError where there are none."""
    labelled = [
        (number, vectors[path]) for number, paths in enumerate(people.values()) for path in paths if path in vectors
    ]
    if not labelled:
        raise ValueError("no picture gave a template")
    return Gallery(
        np.stack([vector for _, vector in labelled]), np.array([number for number, _ in labelled], dtype=np.int64)
    )


def _readable(paths: Sequence[Path], failed: dict[Path, str]) -> Iterator[tuple[Path, Image]]:
    for path in paths:
        try:
            yield path, read_image(path.read_bytes())
        except Refusal as refusal:
            failed[path] = refusal.code


def labelled_face(image: Image, analysis: FrameAnalysis) -> Observation | None:
    """Return the face nearest the middle of a labelled picture: the one its label means; None where there is none."""

    def off_center(one: Observation) -> float:
        box = one.face.box
        return abs(box.x + box.width / 2 - image.width / 2) + abs(box.y + box.height / 2 - image.height / 2)

    return min(analysis.faces, key=off_center, default=None)


def _truth(word: str, file: Path) -> bool:
    known = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
    if word.strip().lower() not in known:
        raise ValueError(f"{file}: {word!r} says neither yes nor no")
    return known[word.strip().lower()]
