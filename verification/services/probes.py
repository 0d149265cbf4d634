"""A probe: what is compared, made of one photo or the good frames of a clip. Pure computing, no rows."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heirloom.decision.policy import Policy
from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision.comparison import compare, mean_template
from heirloom.vision.types import AnalysisRequest, AttackSignal, FrameAnalysis, Observation, Template, Vision

# Averaging helps up to about five frames (docs/models/dlib.md); more only cost time.
MOST_FRAMES = 5
# Frames of one person score at least this well against their mean: where 1 in 100 pairs of strangers would.
SAME_PERSON_FMR = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame as evidence. reasons: why it did not count; empty when it did."""

    image: Image
    observation: Observation | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """template: the mean of the counted frames, None when there is none; reasons then say why.

    frames: all that were looked at, in time order. counted: those in the mean.
    """

    template: Template | None
    frames: tuple[Frame, ...]
    counted: tuple[Frame, ...]
    attack: tuple[AttackSignal, ...]
    reasons: tuple[str, ...] = ()
    several_people: bool = False


def look(
    images: Sequence[Image], *, vision: Vision, policy_of: Callable[[str], Policy | None], pack: str = ""
) -> Probe:
    """Analyze the images of one capture and choose what counts."""
    # A clip tells bystanders from its person by who is in every frame; a single photo must show one person alone.
    request = AnalysisRequest(pack=pack, want=frozenset({"template", "attack"}), companions=len(images) == 1)
    analyses = vision.analyze(images, request)
    frames = tuple(_frame(image, analysis) for image, analysis in zip(images, analyses, strict=True))
    good = [frame for frame in frames if not frame.reasons]
    attack = tuple(f.observation.attack for f in good if f.observation and f.observation.attack)
    if not good:
        return Probe(None, frames, (), attack, _commonest(frames))
    counted = tuple(sorted(good, key=lambda f: -_quality(f))[:MOST_FRAMES])
    template = mean_template([_template(frame) for frame in counted])
    several = _several_people(good, template, policy_of(template.model))
    return Probe(template, frames, counted, attack, several_people=several)


def single_face(image: Image, *, vision: Vision, attr: str, pack: str = "") -> Observation:
    """Return the one good face of a photo that must show just that; raises as single_faces does."""
    (observation,) = single_faces({attr: image}, vision=vision, pack=pack)
    return observation


def single_faces(images: Mapping[str, Image], *, vision: Vision, pack: str = "") -> tuple[Observation, ...]:
    """Return the one good face of each photo, analyzed in one call. images: by the name of the field they came in.

    Raises Refusal "no_face", "several_faces", or the code of what falls short in the quality of the first at fault.
    """
    analyses = vision.analyze(
        list(images.values()), AnalysisRequest(pack=pack, want=frozenset({"template"}), companions=True)
    )
    return tuple(
        _only_good_face(_frame(image, analysis), attr)
        for (attr, image), analysis in zip(images.items(), analyses, strict=True)
    )


def _only_good_face(frame: Frame, attr: str) -> Observation:
    if frame.reasons or frame.observation is None:
        raise Refusal(next(iter(frame.reasons), "no_face"), attr=attr)
    return frame.observation


def _frame(image: Image, analysis: FrameAnalysis) -> Frame:
    if not analysis.faces:
        return Frame(image, None, ("no_face",))
    face = analysis.faces[0]
    if len(analysis.faces) > 1:
        return Frame(image, face, ("several_faces",))
    if face.template is None:
        return Frame(image, face, face.quality.reasons or ("low_quality",))
    return Frame(image, face, face.quality.reasons)


def _several_people(good: Sequence[Frame], mean: Template, policy: Policy | None) -> bool:
    floor = policy.threshold(1, 1, SAME_PERSON_FMR) if policy else None
    if len(good) < 2:
        return False
    if floor is None:
        # Unmeasured: such a probe goes to review whatever is said here.
        return False
    return bool(np.min([compare(_template(frame), mean) for frame in good]) < floor)


def _commonest(frames: Sequence[Frame]) -> tuple[str, ...]:
    counts = Counter(reason for frame in frames for reason in frame.reasons)
    return tuple(reason for reason, _ in counts.most_common(3)) or ("no_face",)


def _quality(frame: Frame) -> float:
    return frame.observation.quality.score if frame.observation else 0.0


def _template(frame: Frame) -> Template:
    if frame.observation is None or frame.observation.template is None:
        raise ValueError("only a frame that counts has a template")
    return frame.observation.template
