"""LFW's official pairs of folds 1 to 3, by each pack that is installed and by DeepFace's own pipeline."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import peer
from bench.figures import Section
from heirloom.decision.policy_files import load
from heirloom.evaluation.pictures import Pair, compute, pairs_in
from heirloom.evaluation.rates import rate
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.types import Floats

FOLDS = 3
FMR = 0.01
NOT_FOUND = -1.0
HEADER = ("pipeline", "faces not found", "accuracy (95 % Wilson)", f"FNMR at FMR {FMR:.0%}", "at its own threshold")
NOTES = (
    """\
The 1,800 official pairs of folds 1 to 3 of Labeled Faces in the Wild, 900 of them mated. *accuracy*: each fold judged
at the threshold that is best on the other two. *at its own threshold*: FMR and FNMR where the pipeline itself says
"same person": the policy's threshold at FMR 1e-3 over everybody for ours (what is in force is higher, held to the worst
measured group), a cosine distance of 0.07 for DeepFace.""",
    """\
900 non-mated pairs show no FMR of 1e-3: docs/models/ has that, from all pairs of all pictures. Our policies were
measured on the people of the same folds. A face that is not found makes its pair no match.""",
)
UNSET = "Not measured: HEIRLOOM_TEST_ASSETS names no folder with the pictures."
Templates = dict[Path, Floats]
"""(n, d) of each picture: every face that counts in it, none where none was found."""


def measure(models_dir: Path, keep: Path) -> Section:
    """Return the table. keep: a folder for the templates, which take minutes; they serve as long as the model does."""
    title = "LFW, official pairs of folds 1 to 3"
    assets = os.environ.get("HEIRLOOM_TEST_ASSETS")
    if not assets:
        return Section("lfw", title, (), HEADER, (), (UNSET,))
    folder = Path(assets).resolve() / "data" / "faces" / "lfw"
    pairs = pairs_in(folder / "pairs.csv", folder)
    pictures = sorted({path for pair in pairs for path in (pair.left, pair.right)})
    rows = [_row(*found, pairs) for found in _ours(models_dir, keep, pictures)]
    theirs = _kept(keep / "lfw-deepface-own.npz", pictures, lambda: _theirs(keep / "deepface", pictures))
    rows.append(_row("DeepFace Dlib, its own pipeline", theirs, 1 - peer.COSINE_THRESHOLD, pairs))
    return Section("lfw", title, (), HEADER, tuple(rows), NOTES)


def _ours(models_dir: Path, keep: Path, pictures: Sequence[Path]) -> list[tuple[str, Templates, float | None]]:
    """Name, templates and threshold of every pack that may be used here."""
    found = []
    engine = VisionEngine(VisionConfig(models_dir=models_dir, acknowledged=_acknowledged()))
    engine.load()
    for info in engine.status().packs:
        if not (info.installed and info.acknowledged):
            continue
        path = keep / f"lfw-{info.model.replace(':', '_')}.npz"
        made = _kept(path, pictures, lambda name=info.name: _computed(engine, name, pictures))  # type: ignore[misc]
        found.append((f"`{info.name}`", made, _threshold(info.model)))
    engine.close()
    return found


def _computed(engine: VisionEngine, pack: str, pictures: Sequence[Path]) -> Templates:
    print(f"Computing {len(pictures):,} templates with {pack} ...", flush=True)
    vectors = compute(pictures, engine, pack).vectors
    return {path: vectors[path][None] if path in vectors else np.empty((0, 1), np.float32) for path in pictures}


def _theirs(home: Path, pictures: Sequence[Path]) -> Templates:
    print(f"Computing {len(pictures):,} templates with DeepFace ...", flush=True)
    deepface = peer.deepface(home)
    return {path: peer.faces_of(deepface, path) for path in pictures}


def _kept(path: Path, pictures: Sequence[Path], make: Callable[[], Templates]) -> Templates:
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        names = np.repeat([_name(picture) for picture in pictures], [len(made[picture]) for picture in pictures])
        seen = [made[picture] for picture in pictures if len(made[picture])]
        np.savez(path, names=names, vectors=np.concatenate(seen))
    with np.load(path, allow_pickle=False) as stored:
        names, vectors = stored["names"], stored["vectors"]
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names.tolist()):
        places.setdefault(name, []).append(place)
    return {picture: vectors[places.get(_name(picture), [])] for picture in pictures}


def _row(name: str, made: Templates, threshold: float | None, pairs: Sequence[Pair]) -> tuple[str, ...]:
    same = np.array([pair.same for pair in pairs])
    scores = np.array([_score(made[pair.left], made[pair.right]) for pair in pairs])
    missing = sum(not len(vectors) for vectors in made.values())
    right = _right(scores, same)
    strict = np.sort(scores[~same])[-int(FMR * (~same).sum()) - 1]
    own = "no policy"
    if threshold is not None:
        wrong, missed = np.mean(scores[~same] >= threshold), np.mean(scores[same] < threshold)
        own = f"FMR {wrong:.2%}, FNMR {missed:.2%}"
    accuracy = rate(right, len(pairs)).shares()
    return name, f"{missing} of {len(made):,}", accuracy, f"{np.mean(scores[same] <= strict):.2%}", own


def _score(left: Floats, right: Floats) -> float:
    """The best of all pairs of faces: ours give one a picture, DeepFace takes the smallest distance of all."""
    return float((left @ right.T).max()) if len(left) and len(right) else NOT_FOUND


def _right(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> int:
    """How many pairs are judged right, each fold at the threshold that is best on the others; folds lie in order."""
    folds = np.arange(len(scores)) * FOLDS // len(scores)
    right = 0
    for fold in range(FOLDS):
        others = folds != fold
        steps = np.unique(scores[others])
        best = max(steps, key=lambda step: np.mean((scores[others] >= step) == same[others]))
        right += int(((scores[~others] >= best) == same[~others]).sum())
    return right


def _threshold(model: str) -> float | None:
    policy = load(model)
    return policy.pooled_threshold(1, 1, 1e-3) if policy else None


def _acknowledged() -> tuple[str, ...]:
    return tuple(filter(None, os.environ.get("NONCOMMERCIAL_MODELS_ACKNOWLEDGED", "").split(",")))


def _name(picture: Path) -> str:
    return f"{picture.parent.name}/{picture.name}"
