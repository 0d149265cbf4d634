"""One photo: from the 202 to the recorded outcome, among 10,000 people too, and what detection and descriptor take."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.client import Caller
from bench.clips import stages, verified
from bench.figures import COLUMNS, Section, Series, series
from bench.pictures import b64, enlarged, retaken
from bench.portraits import Portrait
from heirloom.media.image import read_still
from heirloom.vision.detection import Search
from heirloom.vision.features import templates
from heirloom.vision.packs.dlib import NAME
from heirloom.vision.packs.registry import Registry
from heirloom.vision.runtime import CPU, Runtime
from heirloom.vision.uprightness import Uprightness

RUNS = 15
MEGAPIXELS = 12.0


def measure(client: Caller, hr: Caller, person: str, portrait: Portrait, models_dir: Path) -> Section:
    small = retaken(portrait, mirrored=True)
    large = enlarged(small, MEGAPIXELS)
    rows: list[tuple[str, ...]] = []
    for size, photo in ((_size(portrait), small), (f"{MEGAPIXELS:g} megapixels", large)):
        runs = [verified(client, person, photo, "image/jpeg") for _ in range(RUNS + 1)][1:]
        rows.append(Series(tuple(seconds for seconds, _ in runs)).row(f"accepted to decided, {size}"))
        rows += stages([answer for _, answer in runs])
        detect = partial(client.post, "/detect/", json={"image_base64": b64(photo)})
        rows.append(series(detect, RUNS).row(f"`POST detect`, {size}"))
        rows += _parts(photo, size, models_dir)
    body = {"face_image_base64": b64(small)}
    rows.append(series(lambda: hr.post("/recognize/", json=body), RUNS).row("`POST recognize`, among 10,000 people"))
    notes = ("One photo at a time; the parts were measured in this process, without HTTP.",)
    return Section("photo", "One photo", (), COLUMNS, tuple(rows), notes)


def _parts(photo: bytes, size: str, models_dir: Path) -> list[tuple[str, ...]]:
    """Return rows for decoding, detection with landmarks, and the descriptors that make a template."""
    pack = Registry(models_dir, Runtime(CPU, 0), NAME).pack(NAME)
    pack.load()
    image = read_still(photo).image
    (face,) = pack.detector.detect(image, Search())
    uprightness = Uprightness(Runtime(CPU, 0), models_dir)
    uprightness.load()
    if not all(uprightness.proved(image, [face])):
        raise ValueError("the portrait is upright")
    face = replace(face, turn=0)

    return [
        series(lambda: read_still(photo), RUNS).row(f"decoding in a limited child process, {size}"),
        series(lambda: pack.detector.detect(image, Search()), RUNS).row(f"detection and landmarks, {size}"),
        series(lambda: uprightness.proved(image, [face]), RUNS).row(f"proof that the face is upright, {size}"),
        series(lambda: templates(pack.recogniser, [(image, face)]), RUNS).row(f"template of three descriptors, {size}"),
    ]


def _size(portrait: Portrait) -> str:
    height, width = portrait.pixels.shape[:2]
    return f"{width} x {height}"
