"""What the pictures of one visit are worth: pure computing, no rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from enrollment.services.policies import SAME_PERSON_FMR
from enrollment.services.templates import Reference
from heirloom.decision.policy import Policy
from heirloom.media.types import Image
from heirloom.vision.comparison import compare
from heirloom.vision.gates import ENROLL, Gate
from heirloom.vision.subject import Glimpse, in_clip, in_photo, model_of, unlike_each_other
from heirloom.vision.tracking import View
from heirloom.vision.types import AnalysisRequest, Template, Vision

WANTED = frozenset({"template", "components"})

# More frames of one clip than this add little: they resemble each other.
CLIP_REFERENCES = 5


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What became of one photo or one frame. quality: 0..100, None where no face was measured. components: of quality
    too, as ISO/IEC 29794-5 names them.
    """

    accepted: bool
    reasons: tuple[str, ...] = ()
    quality: float | None = None
    at_s: float | None = None
    template: Template | None = None
    components: Mapping[str, int | None] = field(default_factory=dict)

    def as_json(self, template_id: str | None) -> dict[str, Any]:
        return {
            "at_s": self.at_s,
            "accepted": self.accepted,
            "reasons": list(self.reasons),
            "quality": None if self.quality is None else round(self.quality, 1),
            "quality_components": dict(self.components),
            "template_id": template_id,
        }

    def refused(self, reason: str) -> "Verdict":
        reasons = tuple(dict.fromkeys([*self.reasons, reason]))
        return replace(self, accepted=False, reasons=reasons, template=None)


def examine(
    images: Sequence[Image], *, vision: Vision, pack: str = "", use_fallback: bool = True, gate: Gate = ENROLL
) -> tuple[Verdict, ...]:
    """Judge each photo alone: one face, good enough, with its template."""
    request = AnalysisRequest(pack=pack, want=WANTED, use_fallback=use_fallback, companions=True, gate=gate.name)
    analyses = vision.analyze(images, request)
    return tuple(
        _judge(in_photo(image, analysis, gate), None) for image, analysis in zip(images, analyses, strict=True)
    )


def examine_clip(
    images: Sequence[Image],
    *,
    vision: Vision,
    same_person_from: Callable[[str], float | None],
    pack: str = "",
    gate: Gate = ENROLL,
) -> tuple[Verdict, ...]:
    """Judge the frames of a clip together, by its main face, and keep the best few that differ, in order of time.

    Where none is good, every frame's verdict says why. A clip that shows several people enrolls nobody: whose it is
    would be a guess.
    """
    analyses = vision.analyze(images, AnalysisRequest(pack=pack, want=WANTED, gate=gate.name))
    model = model_of(analyses)
    views = [View.of(image, analysis) for image, analysis in zip(images, analyses, strict=True)]
    subject = in_clip(views, None if model is None else same_person_from(model))
    if subject.several_people:
        return tuple(_judge(glimpse, glimpse.at_s).refused("several_people_in_clip") for glimpse in subject.glimpses)
    good = [glimpse for glimpse in subject.glimpses if not glimpse.reasons]
    chosen = unlike_each_other(good, CLIP_REFERENCES) or subject.glimpses
    return tuple(_judge(glimpse, glimpse.at_s) for glimpse in chosen)


def of_one_person(
    verdicts: Sequence[Verdict], *, policy: Policy | None, reference: Reference | None
) -> tuple[Verdict, ...]:
    """Refuse pictures that show somebody else than the person's reference, or than the rest of the visit.

    Without a measured policy nothing is refused here: the duplicate check sends such a visit to a reviewer.
    """
    floor = policy.pooled_threshold(reference.count if reference else 1, 1, SAME_PERSON_FMR) if policy else None
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


def _judge(glimpse: Glimpse, at_s: float | None) -> Verdict:
    seen = glimpse.observation
    return Verdict(
        accepted=not glimpse.reasons,
        reasons=glimpse.reasons,
        quality=glimpse.quality if seen else None,
        at_s=at_s,
        template=None if glimpse.reasons else glimpse.template,
        components=(seen.components or {}) if seen else {},
    )


def _template(verdict: Verdict) -> Template:
    if verdict.template is None:
        raise ValueError("only an accepted picture has a template")
    return verdict.template
