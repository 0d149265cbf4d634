"""What became of captures, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from enrollment.models import Capture
from enrollment.services.pictures import best_moment
from heirloom.errors import CODES, Code
from heirloom.vision.gates import PASSING_SCORE


@dataclass(frozen=True, slots=True)
class FrameJudged:
    """One photo or frame. quality: 0..100, None where no face was measured. at_s: seconds into the clip.

    components: of the quality, named in words, each 0..100, the lowest first.
    """

    accepted: bool
    quality: float | None
    at_s: float | None
    reasons: tuple[Code, ...]
    components: tuple[tuple[str, int], ...] = ()
    needed: float = PASSING_SCORE


@dataclass(frozen=True, slots=True)
class CaptureJudged:
    """One received file. image_url: "" when its bytes are gone; a refused picture is not kept."""

    capture: Capture
    number: int
    accepted: bool
    frames: tuple[FrameJudged, ...]
    image_url: str
    notes: tuple[Code, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.capture.get_kind_display()} {self.number}"

    @property
    def best(self) -> FrameJudged | None:
        """The frame to speak of: the best accepted one, else the one that was nearest to good."""
        return max(self.frames, key=lambda frame: (frame.accepted, frame.quality or 0.0), default=None)


def judged(capture: Capture, number: int) -> CaptureJudged:
    """Return a capture with the verdicts on it, made readable."""
    frames = tuple(
        FrameJudged(
            v["accepted"],
            v["quality"],
            v["at_s"],
            tuple(CODES[code] for code in v["reasons"]),
            _in_words(v.get("quality_components", {})),
        )
        for v in capture.verdicts
    )
    address = reverse("capture-image", args=[capture.id]) if capture.storage_name else ""
    moment = best_moment(capture)
    query = f"?at={moment:.3f}" if address and moment is not None else ""
    notes = tuple(CODES[code] for code in capture.notes)
    return CaptureJudged(capture, number, capture.is_accepted, frames, address + query, notes)


def _in_words(components: Mapping[str, int | None]) -> tuple[tuple[str, int], ...]:
    told = [(name.replace("_", " ").capitalize(), score) for name, score in components.items() if score is not None]
    return tuple(sorted(told, key=lambda one: one[1]))
