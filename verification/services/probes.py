"""A probe: what is compared, made of one photo or the good frames of a clip. Pure computing, no rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from heirloom.errors import Refusal
from heirloom.media.ahead import as_they_come
from heirloom.media.types import Image
from heirloom.vision.comparison import mean_template
from heirloom.vision.detection import COMPANION_SHARE
from heirloom.vision.subject import Glimpse, Subject, in_clip, in_photo, model_of, unlike_each_other
from heirloom.vision.tracking import View
from heirloom.vision.types import AnalysisRequest, AttackSignal, FrameAnalysis, Observation, Template, Vision

# Averaging helps up to about five frames (docs/models/dlib.md); more only cost time.
MOST_FRAMES = 5
# Frames analyzed together at most, while the next are being decoded.
BATCH = 4
# Faces of one frame that are told apart; beyond these are a crowd in the background.
MOST_FACES = 8
SPARE = ("frame_not_needed",)
"""Why a good frame does not count."""


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
    images: Iterable[Image],
    *,
    vision: Vision,
    same_person_from: Callable[[str], float | None],
    pack: str = "",
    analyzed: Callable[[int], None] = lambda _: None,
) -> Probe:
    """Analyze the images of one capture as they come, follow the main face through them, and choose what counts.

    same_person_from: the score from which two pictures made by the model it is given show one person, if measured.
    analyzed: told again and again how many images are done.
    """
    seen: list[tuple[Image, FrameAnalysis]] = []
    for batch in as_they_come(images, BATCH):
        seen.extend(_analyzed(batch, vision, pack))
        analyzed(len(seen))
    subject = _subject(seen, same_person_from)
    good = [glimpse for glimpse in subject.glimpses if not glimpse.reasons]
    chosen = unlike_each_other(good, MOST_FRAMES)
    frames = tuple(
        Frame(image, glimpse.observation, glimpse.reasons or (() if glimpse in chosen else SPARE))
        for (image, _), glimpse in zip(seen, subject.glimpses, strict=True)
    )
    attack = tuple(signal for g in good if g.observation for signal in g.observation.attack)
    if not good:
        return Probe(None, frames, (), attack, _why_none(subject), subject.several_people)
    counted = tuple(frame for frame in frames if not frame.reasons)
    template = mean_template([glimpse.template for glimpse in chosen])
    return Probe(template, frames, counted, attack, several_people=subject.several_people)


def single_face(image: Image, *, vision: Vision, attr: str, pack: str = "") -> Observation:
    """Return the good face that stands out in a photo; raises as single_faces does."""
    (observation,) = single_faces({attr: image}, vision=vision, pack=pack)
    return observation


def single_faces(images: Mapping[str, Image], *, vision: Vision, pack: str = "") -> tuple[Observation, ...]:
    """Return the good face that stands out in each photo, all analyzed in one call. images: by the field they came in.

    Raises Refusal "no_face", "several_faces", or the code of what falls short in the quality of the first at fault.
    """
    request = AnalysisRequest(pack=pack, want=frozenset({"template"}), companions=True, least_share=COMPANION_SHARE)
    analyses = vision.analyze(list(images.values()), request)
    return tuple(
        _only_good_face(in_photo(image, analysis), attr)
        for (attr, image), analysis in zip(images.items(), analyses, strict=True)
    )


def _analyzed(batch: Sequence[Image], vision: Vision, pack: str) -> Iterator[tuple[Image, FrameAnalysis]]:
    # A clip tells bystanders from its person by following faces; in a single photo one face must stand out.
    request = AnalysisRequest(
        pack=pack,
        want=frozenset({"template", "attack"}),
        companions=batch[0].at_s is None,
        least_share=COMPANION_SHARE,
        max_faces=MOST_FACES,
    )
    return zip(batch, vision.analyze(batch, request), strict=True)


def _subject(seen: Sequence[tuple[Image, FrameAnalysis]], same_person_from: Callable[[str], float | None]) -> Subject:
    if len(seen) == 1 and seen[0][0].at_s is None:
        return Subject((in_photo(*seen[0]),))
    model = model_of(analysis for _, analysis in seen)
    floor = None if model is None else same_person_from(model)
    return in_clip([View.of(image, analysis) for image, analysis in seen], floor)


def _only_good_face(glimpse: Glimpse, attr: str) -> Observation:
    if glimpse.reasons or glimpse.observation is None:
        raise Refusal(next(iter(glimpse.reasons), "no_face"), attr=attr)
    return glimpse.observation


def _why_none(subject: Subject) -> tuple[str, ...]:
    counts = Counter(reason for glimpse in subject.glimpses for reason in glimpse.reasons)
    several = ["several_people_in_clip"] if subject.several_people else []
    commonest = (reason for reason, _ in counts.most_common(3))
    return tuple(dict.fromkeys([*several, *commonest])) or ("no_face",)
