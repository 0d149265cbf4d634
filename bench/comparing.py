"""One 1:1 comparison of two photos: our whole call against `DeepFace.verify` on the same dlib weights, in turn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import peer
from bench.client import Caller
from bench.figures import COLUMNS, Goal, Section, Series, ratio, timed
from bench.pictures import b64, enlarged, retaken
from bench.portraits import Portrait

SHARE_WANTED = 1 / 30
NOTES = (
    """\
Ours is the whole call over HTTP: JSON with base64, the token checked, both photos decoded in a limited child process,
detection, quality, three descriptors a face, the decision under the policy. Theirs is the function call on two files in
a warm process.""",
    """\
Both run dlib's ResNet from the same file. DeepFace searches the picture, with a border of half its sides around it and
at twice the size, by dlib's HOG detector, and computes one descriptor a face; ours searches a copy of bounded size by
dlib's mmod network. The runs are made in turn, so that whatever else the machine does strikes both.""",
)
# (megapixels, None = as the package carries it; runs). 2 is a webcam's or a video call's, 12 a phone's.
SIZES = ((None, 7), (2.0, 5), (12.0, 2))


def measure(client: Caller, portrait: Portrait, folder: Path) -> Section:
    verify = peer.verify(folder)
    _in_turn(client, verify, [portrait.jpeg, portrait.jpeg], folder, 1)  # warms both up
    rows: list[tuple[str, ...]] = []
    goals: list[Goal] = []
    for megapixels, runs in SIZES:
        photos = [portrait.jpeg, retaken(portrait)]
        if megapixels is not None:
            photos = [enlarged(photo, megapixels) for photo in photos]
        ours, theirs = _in_turn(client, verify, photos, folder, runs)
        share, least, most = ratio(ours, theirs)
        size = _size(portrait, megapixels)
        rows += [ours.row(f"`POST compare`, {size}"), theirs.row(f"`DeepFace.verify`, {size}")]
        rows.append(
            (f"ours / theirs, {size}", f"1/{1 / share:.0f}", f"1/{1 / least:.0f}", f"1/{1 / most:.0f}", str(runs))
        )
        goals.append(Goal(f"share of the time of `DeepFace.verify`, {size}", share, SHARE_WANTED))
    return Section("compare", "One comparison of two photos", tuple(goals), COLUMNS, tuple(rows), NOTES)


def _in_turn(
    client: Caller, verify: Callable[[str, str], Any], photos: list[bytes], folder: Path, runs: int
) -> tuple[Series, Series]:
    body = {f"face{n}_image_base64": b64(photo) for n, photo in enumerate(photos, 1)}
    files = [str(_written(folder / f"{n}.jpg", photo)) for n, photo in enumerate(photos)]
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(timed(lambda: client.post("/compare/", json=body)))
        theirs.append(timed(lambda: verify(*files)))
    return Series(tuple(ours)), Series(tuple(theirs))


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _size(portrait: Portrait, megapixels: float | None) -> str:
    if megapixels is not None:
        return f"{megapixels:g} megapixels"
    height, width = portrait.pixels.shape[:2]
    return f"{width} x {height}"
