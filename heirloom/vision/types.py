"""The values of this room: pixels in, numbers out. All coordinates are in pixels of the Image given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from heirloom.media.types import Image

Floats = NDArray[np.float32]


class ModelMismatchError(ValueError):
    """Templates of two different recognisers were about to be compared."""


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face.

    confidence: the detector's, in [0, 1].
    points5: (5, 2) float32: left eye, right eye, nose tip, left and right mouth corner, as seen in the image.
    points68: (68, 2) float32 in the iBUG order, or None where the pack has no such landmarks.
    disagreement: how far apart two landmark models put an eye, in eye distances; None where only one placed them.
    turn: by how many quarters, counter-clockwise, the picture is to be turned for the face to stand upright in it; None
    where nothing proved it: then nothing may be concluded from how the face looks.
    """

    box: Box
    confidence: float
    points5: Floats
    points68: Floats | None = None
    disagreement: float | None = None
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Pose:
    """Degrees; 0, 0, 0 looks straight into the camera. Positive yaw turns to the image's right.

    Of a face that lies on its side or hangs, yaw and pitch are as if it stood, and roll is how it lies in the picture.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class Covers:
    """lids: how far the wider eye is open, height against width; None without 68 landmarks.

    lenses: the brightest tenth of an eye and what is around it, against the cheeks under both: L* over L*, of the eye
    where that is more. skin_at_mouth: how much of the color at the bridge of the nose there is at the mouth: 1 for the
    same, 0 for none, less for its opposite; None where the bridge has no color to compare with.
    """

    lids: float | None
    lenses: float
    skin_at_mouth: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """reasons: codes of what falls short of the gate; that none does is no default.

    score: 0..100, higher is better; under `vision.gates.PASSING_SCORE` exactly where something falls short, and from
    there on how many of a hundred comparisons with another photo of the person are forecast to match.
    sharpness: how much finer than coarse the detail of the face is, at a fixed size. brightness: its mean luma, 0..255.
    eye_distance_px: in pixels of the original picture.
    """

    score: float
    sharpness: float
    brightness: float
    eye_distance_px: float
    pose: Pose
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """vector: (d,) float32 of unit length. model: the recogniser and version that made it.

    norm: the length of the features before they were scaled to one, where the recogniser's makers say that it tells how
    good the picture is (AdaFace); None elsewhere.
    agreement: the length of the mean of the face's chips, each of unit length: 1 where all say the same. None where
    the recogniser looks at one chip alone.
    """

    model: str
    vector: Floats
    norm: float | None = None
    agreement: float | None = None

    def __post_init__(self) -> None:
        if self.vector.ndim != 1 or self.vector.dtype != np.float32:
            raise ValueError(f"vector must be (d,) float32, got {self.vector.shape} {self.vector.dtype}")


class AttackOutcome(StrEnum):
    """What a signal says. The last two are for what can only accuse, as a file's history: clear vouches for nothing."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"
    INCONCLUSIVE = "inconclusive"
    SUSPICIOUS = "suspicious"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class AttackSignal:
    """What one attack detector says of one face, or of a whole capture.

    score: in [0, 1], higher = more likely an attack; None where there is no number.
    why: a short code of what kept it from telling ("not_installed", "face_too_tight") or of what it found.
    detail: what was found, in a few words of the file itself; nothing in it is to be believed.
    """

    detector: str
    outcome: AttackOutcome
    score: float | None = None
    why: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """All that was computed of one face. attack: a signal of each detector that was asked, of the voucher first.

    components: as `vision.standard_quality` names them, where they were wanted.
    """

    face: Face
    quality: Quality
    template: Template | None = None
    attack: tuple[AttackSignal, ...] = ()
    components: Mapping[str, int | None] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameAnalysis:
    """The faces of one image, the largest first. detector: the one that found them, or the last that was tried."""

    faces: tuple[Observation, ...]
    detector: str = ""


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What to compute.

    pack: a pack's name, "" = the active one. detector: overrides the pack's detector, "" = the pack's own.
    active: the pack that answers when none is named, "" = the one that the engine was started with.
    want: what beyond detection and quality is asked for each face: "template", "attack", "components".
    min_face_px: the smallest face side to look for, in pixels of the original picture; a larger one is faster.
    main_face_only: templates and attack signals for the largest face only.
    use_fallback: try the next detector when the first finds nothing.
    companions: when one face is found, look again as closely as it takes to see a second one half its size.
    least_share: faces smaller than this share of the largest may be left out; 0 asks for all, more is faster.
    prove_upright: look for proof of how each face stands. Without, it is faster, no face has a `turn`, and nothing can
    be wanted of it.
    gate: what each face is held to, a name of `vision.gates.GATES`.
    """

    pack: str = ""
    active: str = ""
    detector: str = ""
    want: frozenset[str] = field(default_factory=frozenset)
    min_confidence: float = 0.5
    iou_threshold: float = 0.4
    max_faces: int = 50
    min_face_px: int = 80
    main_face_only: bool = False
    use_fallback: bool = True
    companions: bool = False
    least_share: float = 0.0
    prove_upright: bool = True
    gate: str = "verify"


@dataclass(frozen=True, slots=True)
class PackInfo:
    """What a pack runs with.

    model names its templates and is the key of its policy; dimensions is the vector's length.
    acknowledged: False when its terms do not clearly allow commercial use and the settings do not name it: it is
    refused then.
    sees_lids: whether its faces come with the 68 landmarks that tell open eyes from closed ones.
    """

    name: str
    detector: str
    recogniser: str
    model: str
    dimensions: int
    attack_detector: str
    installed: bool
    licence: str
    acknowledged: bool = False
    sees_lids: bool = False


@dataclass(frozen=True, slots=True)
class VisionStatus:
    """ready: the configured models are loaded. device: where they run in fact, "cpu" or "cuda:0".

    attack_ready: the attack detector that may vouch is loaded. accusers: those that are here and can only accuse.

    device_wanted: what was asked for, "cpu" or "cuda"; when "cuda" and device is "cpu", its provider did not load.
    detectors: the names `AnalysisRequest.detector` may hold.
    vram_used_mb: of the whole GPU, by all processes; None where it cannot be read.
    process: which vision process answered, "host:pid". metrics: what it counts, in Prometheus's text format.
    """

    ready: bool
    active_pack: str
    device: str
    packs: tuple[PackInfo, ...]
    attack_ready: bool
    vram_used_mb: float | None = None
    device_wanted: str = "cpu"
    detectors: tuple[str, ...] = ()
    process: str = ""
    metrics: str = ""
    accusers: tuple[str, ...] = ()


@runtime_checkable
class Vision(Protocol):
    """What services hold: the engine in this process, or a client of the one in the vision process."""

    def analyze(self, images: Sequence[Image], request: AnalysisRequest) -> tuple[FrameAnalysis, ...]:
        """Analyze every image, in order.

        Raises Refusal "model_not_available", "model_not_ready" or "vision_unavailable".
        """
        ...

    def status(self) -> VisionStatus: ...
