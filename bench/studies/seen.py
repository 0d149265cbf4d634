"""What is measured of every labelled face of a folder of people, computed once and kept: what `discard` works on."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.studies.degraded import laplacian
from heirloom.evaluation.pictures import labelled_face, people_in
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision import quality
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.gates import ENROLL, VERIFY
from heirloom.vision.subject import in_photo, prominence
from heirloom.vision.types import AnalysisRequest, Floats, FrameAnalysis, Observation

BATCH = 16
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """boxes: (n, 4), x, y, width, height. vectors: (n, d), of unit length. people: (n,), one number a person.

    measures: by name, (n,) float64, NaN where there is none. verify, enroll: the codes of what falls short, with spaces
    between. rival: how prominent the next face is against the first, 0 alone. right: whether the most prominent face is
    the labelled one.
    """

    pictures: NDArray[np.str_]
    people: NDArray[np.int64]
    vectors: Floats
    boxes: Doubles
    measures: dict[str, Doubles]
    verify: NDArray[np.str_]
    enroll: NDArray[np.str_]
    rival: Doubles
    right: NDArray[np.bool_]
    missing: int


def seen_in(folder: Path, models_dir: Path, kept: Path, tell: Callable[[str], None] = print) -> Seen:
    """Return what is seen in a folder of people, from the file that keeps it where there is one.

    The file holds templates of people in plain: it belongs outside the repository, and goes when it was used.
    """
    if not kept.exists():
        engine = VisionEngine(VisionConfig(models_dir=models_dir))
        engine.load()
        write(kept, folder, lambda images: engine.analyze(images, request()), tell)
        engine.close()
    with np.load(kept, allow_pickle=False) as stored:
        measures = {name[1:]: stored[name] for name in stored.files if name.startswith("_")}
        plain = {name: stored[name] for name in stored.files if not name.startswith("_")}
    return Seen(measures=measures, **{**plain, "missing": int(plain["missing"])})


def request() -> AnalysisRequest:
    """What a photo of a verification is asked, with the gate that is left to look through here."""
    return AnalysisRequest(want=frozenset({"template"}), companions=True)


def write(
    kept: Path,
    folder: Path,
    analyze: Callable[[list[Image]], tuple[FrameAnalysis, ...]],
    tell: Callable[[str], None] = print,
) -> None:
    wanted = [(path, number) for number, paths in enumerate(people_in(folder).values()) for path in paths]
    rows = []
    for start in range(0, len(wanted), BATCH):
        some = wanted[start : start + BATCH]
        images = [read_image(path.read_bytes()) for path, _ in some]
        for (path, number), image, analysis in zip(some, images, analyze(images), strict=True):
            face = labelled_face(image, analysis)
            if face is not None and face.template is not None and face.face.turn == 0:
                rows.append(_row(path.relative_to(folder).as_posix(), number, image, analysis, face))
        if start % (20 * BATCH) == 0:
            tell(f"{len(rows):,} of {len(wanted):,} faces")
    columns: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    np.savez(kept, missing=len(wanted) - len(rows), **columns)
    kept.chmod(0o600)


def _row(picture: str, person: int, image: Image, analysis: FrameAnalysis, seen: Observation) -> dict[str, object]:
    face, template = seen.face, seen.template
    if template is None:
        raise ValueError("only faces with a template are compared")
    by_prominence = sorted(-prominence(image, each.face.box) for each in analysis.faces)
    chosen = in_photo(image, analysis).observation
    known = quality.measure(image, face, template)
    scores = [check.score(known) for check in VERIFY.checks]
    measures = {
        "weakest": min(score for score in scores if score is not None),
        "agreement": template.agreement,
        "disagreement": known.disagreement,
        "sharpness": known.sharpness,
        "laplacian": laplacian(image, face),
        "eye_distance": known.eye_distance_px,
        "brightness": known.brightness,
        "overexposed": known.overexposed,
        "yaw": known.pose.yaw,
        "pitch": known.pose.pitch,
        "roll": known.pose.roll,
        "lids": known.covers.lids,
        "lenses": known.covers.lenses,
        "skin_at_mouth": known.covers.skin_at_mouth,
        "confidence": face.confidence,
    }
    box = face.box
    return {
        "pictures": picture,
        "people": person,
        "vectors": template.vector,
        "boxes": (box.x, box.y, box.width, box.height),
        "verify": " ".join(quality.judged(known, VERIFY).reasons),
        "enroll": " ".join(quality.judged(known, ENROLL).reasons),
        "rival": by_prominence[1] / by_prominence[0] if len(by_prominence) > 1 else 0.0,
        "right": chosen is seen,
        **{f"_{name}": math.nan if value is None else float(value) for name, value in measures.items()},
    }
