"""Every variant of every face of a folder of people, computed once and kept: what the studies work on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heirloom.evaluation.pictures import labelled_face, people_in
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision import dlib_graphs
from heirloom.vision.alignment import dlib_chips
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.features import unit_rows
from heirloom.vision.landmarks import Landmarks
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import AnalysisRequest, Face, Floats

PADDINGS = (0.15, 0.20, 0.25, 0.30, 0.35)
BATCH = 16


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to cut a chip. points: how many landmarks align it. padding: around the face, as dlib counts it."""

    points: int
    padding: float
    mirrored: bool


VARIANTS = tuple(
    Variant(points, padding, mirrored) for points in (5, 68) for mirrored in (False, True) for padding in PADDINGS
)


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """vectors: (n, len(VARIANTS), 128) float32, each of unit length. people: (n,) one number per person.

    quality, sharpness, eye_distance, yaw, confidence: (n,) float64, as vision.quality and the detector give them.
    """

    pictures: tuple[str, ...]
    people: NDArray[np.int64]
    vectors: Floats
    quality: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    eye_distance: NDArray[np.float64]
    yaw: NDArray[np.float64]
    confidence: NDArray[np.float64]

    def averaged(self, chosen: Sequence[Variant]) -> Floats:
        """Return (n, 128) float32: the mean over these variants, of unit length."""
        rows = [VARIANTS.index(variant) for variant in chosen]
        return unit_rows(self.vectors[:, rows].mean(axis=1))


def faces_of(folder: Path, models_dir: Path, kept: Path, tell: Callable[[str], None] = print) -> Faces:
    """Return the faces of a folder of people, from the file that keeps them where there is one.

    The file holds templates of people in plain: it belongs outside the repository, and goes when it was used.
    """
    if not kept.exists():
        _write(kept, _computed(folder, models_dir, tell))
    with np.load(kept, allow_pickle=False) as stored:
        pictures = tuple(stored["pictures"].tolist())
        return Faces(pictures, **{name: stored[name] for name in stored.files if name != "pictures"})


def _computed(folder: Path, models_dir: Path, tell: Callable[[str], None]) -> Faces:
    engine, runtime, landmarks = VisionEngine(VisionConfig(models_dir=models_dir)), Runtime(), Landmarks()
    engine.load()
    network = runtime.network(dlib_graphs.descriptor_graph(models_dir))
    wanted = [(path, number) for number, paths in enumerate(people_in(folder).values()) for path in paths]
    rows, vectors, facts = [], [], []
    for start in range(0, len(wanted), BATCH):
        some = wanted[start : start + BATCH]
        images = [read_image(path.read_bytes()) for path, _ in some]
        for (path, number), image, analysis in zip(
            some, images, engine.analyze(images, AnalysisRequest()), strict=True
        ):
            seen = labelled_face(image, analysis)
            if seen is None:
                continue
            quality = seen.quality
            rows.append((path.relative_to(folder).as_posix(), number))
            vectors.append(unit_rows(network.run(_chips(image, seen.face, landmarks))))
            facts.append(
                (
                    quality.score,
                    quality.sharpness,
                    quality.eye_distance_px,
                    quality.pose.yaw,
                    seen.face.confidence,
                )
            )
        if start % (20 * BATCH) == 0:
            tell(f"{len(rows):,} of {len(wanted):,} faces")
    return Faces(
        tuple(picture for picture, _ in rows),
        np.array([number for _, number in rows], np.int64),
        np.stack(vectors),
        *np.array(facts, np.float64).T,
    )


def _chips(image: Image, face: Face, landmarks: Landmarks) -> NDArray[np.uint8]:
    """(len(VARIANTS), 150, 150, 3), in the order of VARIANTS."""
    chips = []
    for shape in (landmarks.shape5(image.pixels, face.box), landmarks.shape68(image.pixels, face.box)):
        upright = dlib_chips(image.pixels, shape, PADDINGS)
        chips += [upright, upright[:, :, ::-1]]
    return np.concatenate(chips)


def _write(path: Path, faces: Faces) -> None:
    names = ("people", "vectors", "quality", "sharpness", "eye_distance", "yaw", "confidence")
    np.savez(path, pictures=list(faces.pictures), **{name: getattr(faces, name) for name in names})
    path.chmod(0o600)
