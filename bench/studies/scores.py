"""What the answers about one person give away of its template: `python -m bench.studies.scores` prints the table of
docs/api/scores.md.

An attacker with one photo that matches bends it, so that its template moves at will, and asks ANSWERS times; from each
answer it learns between which bounds the score lies. It looks for the likeliest template within all bounds. An upper
bound: no picture can be bent to any template. HEIRLOOM_TEST_ASSETS names the shared faces, MODELS_DIR the graphs.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heirloom.decision.policy import Policy
from heirloom.decision.policy_files import load
from heirloom.decision.sight import STEPS
from heirloom.decision.verification import VERIFICATION_FMR
from heirloom.evaluation.pictures import compute, people_in
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.packs import dlib

ANSWERS, REFERENCES, STRANGERS, PEOPLE = 500, 3, 300, 7
FEWEST_PHOTOS, MOST_PHOTOS, MOST_REFUSED = 12, 20, 0.01
SHRINKING = (0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01)
STEPS_OF_DESCENT, SOFTNESS = 4000, 2e-3
Vectors = NDArray[np.float64]
Bounds = Callable[[Vectors], tuple[Vectors, Vectors]]


def main() -> None:
    policy = load(dlib.MODEL)
    if policy is None:
        raise SystemExit(f"{dlib.MODEL} has no policy")
    people, strangers = _templates()
    mean = strangers.mean(axis=0)
    within = np.concatenate([one - one.mean(axis=0) for one in people])
    prior = np.cov(within.T) + 1e-5 * np.eye(within.shape[1])
    for name, bounds in _ways(policy).items():
        random = np.random.default_rng(0)
        found = [_attacked(one, mean, prior, bounds, policy, random) for one in people[:PEOPLE]]
        alone, after = np.mean(found, axis=0)
        print(f"{name}: {alone:.2f} with the photo alone, {after:.2f} after {ANSWERS} answers", flush=True)


def _ways(policy: Policy) -> Mapping[str, Bounds]:
    zone = policy.zone(REFERENCES, 1, VERIFICATION_FMR)
    if zone is None:
        raise SystemExit("the policy does not cover these counts")
    threshold = zone.threshold

    def edges(similarities: Sequence[float]) -> Bounds:
        """Between which of these a similarity lies is told; below the first of them, nothing."""
        levels = np.array([threshold + np.log(s / (1 - s)) / policy._steepness for s in similarities])

        def bounds(scores: Vectors) -> tuple[Vectors, Vectors]:
            place = np.searchsorted(levels, scores, side="right")
            ends = np.concatenate([[-1.0], levels, [1.0]])
            return ends[place], ends[place + 1]

        return bounds

    digits = [0.5, *np.arange(0.505, 0.9951, 0.01).tolist()]
    return {
        "the exact number": lambda scores: (scores - 1e-6, scores + 1e-6),
        "two digits": edges(digits),
        "three steps": edges((0.5, 0.75, 0.9)),
        "two steps, as told": edges(STEPS),
        "the decision alone": edges((0.5,)),
    }


def _attacked(
    photos: Vectors, mean: Vectors, prior: Vectors, bounds: Bounds, policy: Policy, random: np.random.Generator
) -> tuple[float, float]:
    """Return the cosine with the truth, without what all faces share: of the attacker's photo, and of what it finds."""
    truth = _unit(photos[:REFERENCES].mean(axis=0))
    others = photos[REFERENCES:]
    photo = others[np.argmax(others @ truth)]
    least = policy.zone(REFERENCES, 1, VERIFICATION_FMR)
    directions = _unit(random.normal(size=(ANSWERS, len(truth))))
    sent = photo[None]
    for size in SHRINKING:
        sent = _unit(photo + size * directions)
        if least is not None and np.mean(sent @ truth < least.threshold) <= MOST_REFUSED:
            break
    low, high = bounds(sent @ truth)
    return _cosine(photo - mean, truth - mean), _cosine(_likeliest(sent, low, high, photo, prior) - mean, truth - mean)


def _likeliest(sent: Vectors, low: Vectors, high: Vectors, photo: Vectors, prior: Vectors) -> Vectors:
    """Descend (Adam, whitened by the prior) to the likeliest template: soft bounds, and near the photo."""
    if np.max(high - low) < 1e-5:
        gain = prior @ sent.T @ np.linalg.inv(sent @ prior @ sent.T + 1e-10 * np.eye(len(sent)))
        return np.asarray(photo + gain @ ((low + high) / 2 - sent @ photo))
    root = np.linalg.cholesky(prior)
    design = sent @ root
    at, first, second = (np.zeros(len(photo)) for _ in range(3))
    for step in range(1, STEPS_OF_DESCENT + 1):
        scores = sent @ photo + design @ at
        pull = (_sigmoid((scores - high) / SOFTNESS) - _sigmoid((low - scores) / SOFTNESS)) / SOFTNESS
        slope = design.T @ pull + at
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        pace = 0.02 / (1 + step / 500)
        at = at - pace * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-9)
    return np.asarray(photo + root @ at)


def _sigmoid(x: Vectors) -> Vectors:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0))))


def _templates() -> tuple[list[Vectors], Vectors]:
    """Return the templates of people with many photos, and one of each of many strangers."""
    known = people_in(Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data" / "faces" / "lfw")
    many = [paths[:MOST_PHOTOS] for paths in known.values() if len(paths) >= FEWEST_PHOTOS][: 2 * PEOPLE]
    single = [paths[0] for paths in known.values() if len(paths) < FEWEST_PHOTOS][:STRANGERS]
    engine = VisionEngine(VisionConfig(models_dir=Path(os.environ.get("MODELS_DIR", "var/models"))))
    engine.load()
    pictures = [path for paths in [*many, single] for path in paths]
    vectors = compute(pictures, engine, "dlib").vectors
    engine.close()
    found = [np.array([vectors[path] for path in paths if path in vectors], np.float64) for paths in [*many, single]]
    return [_unit(one) for one in found[:-1]], _unit(found[-1])


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _cosine(one: Vectors, other: Vectors) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


if __name__ == "__main__":
    main()
