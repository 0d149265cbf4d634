"""What the pictures of one visit are worth: pure computing, no rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from enrollment.services.templates import Reference
from heirloom.decision.policy import Policy
from heirloom.media.types import Image
from heirloom.vision.comparison import compare
from heirloom.vision.types import AnalysisRequest, FrameAnalysis, Template, Vision

# More frames of one clip than this add little: they resemble each other.
CLIP_REFERENCES = 5
# Pictures of one visit must look at least this much like one another: where 1 in 100 pairs of strangers would.
SAME_VISIT_FMR = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What became of one photo or one frame. quality: 0..100, None where no face was measured."""

    accepted: bool
    reasons: tuple[str, ...] = ()
    quality: float | None = None
    at_s: float | None = None
    template: Template | None = None

    def as_json(self, template_id: str | None) -> dict[str, Any]:
        return {
            "at_s": self.at_s,
            "accepted": self.accepted,
            "reasons": list(self.reasons),
            "quality": None if self.quality is None else round(self.quality, 1),
            "template_id": template_id,
        }

    def refused(self, reason: str) -> "Verdict":
        return replace(self, accepted=False, reasons=(*self.reasons, reason), template=None)


def examine(
    images: Sequence[Image], *, vision: Vision, pack: str = "", use_fallback: bool = True, companions: bool = True
) -> tuple[Verdict, ...]:
    """Judge each picture alone: one face, good enough, with its template."""
    request = AnalysisRequest(pack=pack, want=frozenset({"template"}), use_fallback=use_fallback, companions=companions)
    analyses = vision.analyze(images, request)
    return tuple(_judge(image, analysis) for image, analysis in zip(images, analyses, strict=True))


def best_of_clip(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """Keep the best few accepted frames, in time order; where none is good, every frame's verdict says why."""
    good = sorted((v for v in verdicts if v.accepted), key=lambda v: -(v.quality or 0.0))[:CLIP_REFERENCES]
    return tuple(v for v in verdicts if v in good) if good else tuple(verdicts)


def of_one_person(
    verdicts: Sequence[Verdict], *, policy: Policy | None, reference: Reference | None
) -> tuple[Verdict, ...]:
    """Refuse pictures that show somebody else than the person's reference, or than the rest of the visit.

    Without a measured policy nothing is refused here: the duplicate check sends such a visit to a reviewer.
    """
    floor = policy.threshold(reference.count if reference else 1, 1, SAME_VISIT_FMR) if policy else None
    good = [v for v in verdicts if v.template is not None]
    if floor is None or not good:
        return tuple(verdicts)
    if reference is not None:
        odd, reason = [v for v in good if compare(_template(v), reference.template) < floor], "differs_from_enrolled"
    else:
        odd, reason = _odd_ones(good, floor), "pictures_differ"
    return tuple(v.refused(reason) if v in odd else v for v in verdicts)


def _odd_ones(good: Sequence[Verdict], floor: float) -> list[Verdict]:
    """Return those unlike the picture that most others are like; all, where no majority stands together."""
    scores = np.array([[compare(_template(a), _template(b)) for b in good] for a in good])
    alike = scores >= floor
    center = int(np.argmax(alike.sum(axis=1)))
    if alike[center].sum() * 2 <= len(good):
        return list(good)
    return [verdict for verdict, is_alike in zip(good, alike[center], strict=True) if not is_alike]


def _judge(image: Image, analysis: FrameAnalysis) -> Verdict:
    if not analysis.faces:
        return Verdict(accepted=False, reasons=("no_face",), at_s=image.at_s)
    first = analysis.faces[0]
    if len(analysis.faces) > 1:
        return Verdict(accepted=False, reasons=("several_faces",), at_s=image.at_s)
    if first.quality.reasons or first.template is None:
        reasons = first.quality.reasons or ("low_quality",)
        return Verdict(accepted=False, reasons=reasons, quality=first.quality.score, at_s=image.at_s)
    return Verdict(accepted=True, quality=first.quality.score, at_s=image.at_s, template=first.template)


def _template(verdict: Verdict) -> Template:
    if verdict.template is None:
        raise ValueError("only an accepted picture has a template")
    return verdict.template
