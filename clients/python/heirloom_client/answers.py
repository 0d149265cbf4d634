"""What the API answers, as values. Fields that a newer server adds are left out; times are aware datetimes."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from heirloom_client.errors import UnexpectedAnswerError

T = TypeVar("T")
Outcome = Literal["approved", "rejected", "needs_review", "failed"]
Decision = Literal["pending", "approved", "rejected"]
AttackOutcome = Literal["bona_fide", "attack", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Box:
    """In pixels of the upright image."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Pose:
    """In degrees."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class Quality:
    """score: 0 to 100. size: pixels between the eyes."""

    score: float
    sharpness: float
    brightness: float
    size: float
    pose: Pose
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Face:
    bbox: Box
    confidence: float
    quality: Quality
    landmarks: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ImageInfo:
    width: int
    height: int
    channels: int


@dataclass(frozen=True, slots=True)
class Detection:
    faces_detected: int
    faces: tuple[Face, ...]
    faces_below_quality: int
    model_used: str
    processing_time: float
    image_info: ImageInfo


@dataclass(frozen=True, slots=True)
class Comparison:
    """similarity_score: 0 to 1, with 0.5 at the threshold. None where no policy was measured for the model."""

    is_same_person: bool
    similarity_score: float | None
    confidence: float | None
    raw_score: float
    threshold: float | None
    policy: str
    model_used: str
    processing_time: float
    policy_caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    person_id: str
    person_name: str
    employee_id: str | None
    similarity: float
    rank: int


@dataclass(frozen=True, slots=True)
class Recognition:
    """matches: the most alike first. confidence_scores: one for each, in order, None below the first step."""

    matches_found: int
    matches: tuple[Match, ...]
    best_match: Match | None
    confidence_scores: tuple[float | None, ...]
    model_used: str
    processing_time: float


@dataclass(frozen=True, slots=True)
class AttackCheck:
    """attack_score: None without the scope evidence:read."""

    outcome: AttackOutcome
    attack_score: float | None
    model_used: str
    processing_time: float
    reasons: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class AddedFace:
    person_id: str
    person_name: str
    embedding_extracted: bool
    model_used: str
    face_quality: float
    processing_time: float


@dataclass(frozen=True, slots=True)
class PictureVerdict:
    """What became of one photo or one frame of a clip. quality: 0 to 100."""

    accepted: bool
    reasons: tuple[str, ...]
    quality: float | None
    template_id: str | None
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    person_id: str
    accepted: int
    images: tuple[PictureVerdict, ...]


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    employee_id: str | None
    external_id: str | None
    full_name: str
    department: str
    position: str
    email: str
    metadata: Mapping[str, Any]
    status: str
    reference_count: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    id: str
    policy_version: str
    purpose: str
    method: str
    given_at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class Capture:
    id: str
    kind: str
    mime: str
    size_bytes: int
    verdicts: tuple[PictureVerdict, ...]
    received_at: datetime
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enrollment:
    """One visit: what became of its photos and clips."""

    id: str
    person: str
    status: str
    outcome: str
    reasons: tuple[str, ...]
    captures: tuple[Capture, ...]
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_done(self) -> bool:
        return self.status == "done"


@dataclass(frozen=True, slots=True)
class Attack:
    outcome: AttackOutcome
    score: float | None


@dataclass(frozen=True, slots=True)
class Review:
    verdict: str
    reason: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    rank: int
    person_id: str
    person_name: str
    employee_id: str | None
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Frame:
    number: int
    at_s: float | None
    quality: float | None
    similarity: float | None
    reasons: tuple[str, ...]
    link: str


@dataclass(frozen=True, slots=True)
class Verification:
    """One attempt. outcome: the machine's, never changes. decision: includes a reviewer's."""

    id: str
    mode: str
    status: str
    progress: int
    stage: str
    person_id: str | None
    outcome: Outcome | None
    decision: Decision
    reasons: tuple[str, ...]
    similarity: float | None
    confidence: float | None
    threshold: float | None
    policy: str
    model: str
    attack: Attack | None
    signals: tuple[Mapping[str, Any], ...]
    candidates: tuple[Candidate, ...]
    timings: Mapping[str, Any]
    review: Review | None
    created_at: datetime
    finished_at: datetime | None
    decided_at: datetime | None
    frames: tuple[Frame, ...] = ()
    policy_caveats: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the machine is; a reviewer may still have to decide."""
        return self.status == "done"

    @property
    def is_approved(self) -> bool:
        return self.decision == "approved"


@dataclass(frozen=True, slots=True)
class ChallengeStep:
    """What to show to the person from one second of the recording to another."""

    kind: str
    instruction: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Challenge:
    id: str
    nonce: str
    steps: tuple[ChallengeStep, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Accepted(Generic[T]):
    """Work that is taken and will be done; `kind` is what comes of it."""

    id: str
    kind: type[T]
    path: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. cursor: of the next, None at the end."""

    results: tuple[T, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is there, or will be; its id is what verify and enroll take."""

    id: str
    size_bytes: int
    offset: int

    @property
    def is_whole(self) -> bool:
        return self.offset == self.size_bytes


def read(kind: type[T], body: Any) -> T:
    """Return a body as a value of this kind.

    Raises UnexpectedAnswerError if it is not one.
    """
    try:
        return cast(T, _read(kind, body))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswerError(f"This is no {kind.__name__}: {error}") from error


def _read(kind: Any, body: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        if body is None and NoneType in inner:
            return None
        return _read(next(one for one in inner if one is not NoneType), body)
    if origin is tuple:
        return tuple(_read(inner[0], one) for one in body)
    if kind is datetime:
        return datetime.fromisoformat(body)
    return _value(kind, body) if is_dataclass(kind) else body


def _value(kind: Any, body: Mapping[str, Any]) -> Any:
    hints = _hints(kind)
    known = {one.name: one for one in fields(kind) if one.name in body or one.default is MISSING}
    return kind(**{name: _read(hints[name], body[name]) for name in known})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
