"""Frames of the few clips there are: which of them to average, when some are references and others the probe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heirloom.decision.policy import Policy
from heirloom.evaluation.attacks import CLIPS
from heirloom.media import video
from heirloom.vision.features import unit
from heirloom.vision.subject import Glimpse, in_clip, unlike_each_other
from heirloom.vision.tracking import View
from heirloom.vision.types import AnalysisRequest, Floats, Vision

MOST = 5
FRAMES = 16
FEWEST = 4
ONE_PERSON = {"signer_again": "signer", "signer_help": "signer", "signer_yes": "signer"}
"""The shared clips that show one person; every other clip shows somebody of its own."""

Choose = Callable[[Sequence[Glimpse]], Sequence[Glimpse]]
WAYS: dict[str, Choose] = {
    "the best by quality": lambda seen: sorted(seen, key=lambda glimpse: -glimpse.quality)[:1],
    "five best by quality": lambda seen: sorted(seen, key=lambda glimpse: -glimpse.quality)[:MOST],
    "five spread over time": lambda seen: seen[:: max(1, len(seen) // MOST)][:MOST],
    "five unlike each other (in use)": lambda seen: unlike_each_other(seen, MOST),
    "all": lambda seen: seen,
}
HEADER = (
    "frames",
    "same person, other clip: least, mean",
    "same clip: least",
    "another person's clip: highest",
    "strangers over the threshold at 1e-3",
)


@dataclass(frozen=True, slots=True)
class Filmed:
    """A clip's frames of its main face that have a template, in order of time, and who they show."""

    clip: str
    person: str
    glimpses: tuple[Glimpse, ...]


def filmed(folder: Path, vision: Vision, same_person_from: float | None) -> list[Filmed]:
    """Return the clips of a folder whose main face was seen in at least FEWEST frames.

    Frames that fall short in quality are among them: without those hardly a clip would be left.
    """
    found = []
    for path in sorted(each for each in folder.iterdir() if each.suffix.lower() in CLIPS):
        images = video.sample(path, video.probe(path), count=FRAMES)
        analyses = vision.analyze(images, AnalysisRequest(want=frozenset({"template"}), max_faces=8))
        views = [View.of(image, analysis) for image, analysis in zip(images, analyses, strict=True)]
        seen = tuple(_whole(glimpse) for glimpse in in_clip(views, same_person_from).glimpses if _shows(glimpse))
        if len(seen) >= FEWEST:
            found.append(Filmed(path.stem, ONE_PERSON.get(path.stem, path.stem), seen))
    return found


def row(name: str, choose: Choose, clips: Sequence[Filmed], strangers: Floats, policy: Policy) -> tuple[str, ...]:
    """Return a row of HEADER. strangers: (n, d), single pictures of other people."""
    halves = [
        (one, choose(one.glimpses[: len(one.glimpses) // 2]), choose(one.glimpses[len(one.glimpses) // 2 :]))
        for one in clips
    ]
    scores: dict[str, list[float]] = {"person": [], "clip": [], "other": []}
    for one, references, _ in halves:
        for two, _, probe in halves:
            kind = "clip" if one is two else "person" if one.person == two.person else "other"
            scores[kind].append(float(_mean(references) @ _mean(probe)))
    over = [_over(references, strangers, policy) for _, references, _ in halves]
    return (
        name,
        f"{min(scores['person']):.3f}, {np.mean(scores['person']):.3f}",
        f"{min(scores['clip']):.3f}",
        f"{max(scores['other']):.3f}",
        f"{np.mean(over):.1e}",
    )


def _over(references: Sequence[Glimpse], strangers: Floats, policy: Policy) -> float:
    """The share of strangers that reach the threshold of as many references at FMR 1e-3."""
    threshold = policy.pooled_threshold(len(references), 1, 1e-3)
    scores: NDArray[np.float32] = strangers @ _mean(references)
    return float(np.mean(scores >= (2.0 if threshold is None else threshold)))


def _shows(glimpse: Glimpse) -> bool:
    seen = glimpse.observation
    return seen is not None and seen.template is not None and "person_not_in_frame" not in glimpse.reasons


def _whole(glimpse: Glimpse) -> Glimpse:
    return Glimpse(glimpse.at_s, glimpse.observation)


def _mean(glimpses: Sequence[Glimpse]) -> Floats:
    vectors = np.stack([glimpse.template.vector for glimpse in glimpses])
    return unit(np.asarray(vectors.mean(axis=0), np.float32))
