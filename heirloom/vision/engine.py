"""Vision in this process: loads a pack, and turns pictures into observations in batches."""

import contextlib
import logging
import os
import platform
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision import quality
from heirloom.vision.attack import AttackDetector, MiniFasnet
from heirloom.vision.deep_tree import DeepTree
from heirloom.vision.detection import WORKING_SIDE_PX
from heirloom.vision.features import Recogniser, templates
from heirloom.vision.finding import Detected, Finder
from heirloom.vision.gates import Gate, gate_of
from heirloom.vision.names import AUTO
from heirloom.vision.packs.base import Pack
from heirloom.vision.packs.registry import Registry
from heirloom.vision.runtime import CPU, Runtime
from heirloom.vision.standard_quality import components
from heirloom.vision.turning import turned_face, turned_image, turned_pose
from heirloom.vision.types import (
    AnalysisRequest,
    AttackOutcome,
    AttackSignal,
    Face,
    FrameAnalysis,
    Observation,
    PackInfo,
    Quality,
    Template,
    VisionStatus,
)
from heirloom.vision.uprightness import Uprightness
from heirloom.vision.vram import vram

logger = logging.getLogger(__name__)

TEMPLATE, ATTACK, COMPONENTS = "template", "attack", "components"
WANTS = frozenset({TEMPLATE, ATTACK, COMPONENTS})

CORES = os.cpu_count() or 1

Place = tuple[int, int]
"""Which image, and which of its faces."""

View = tuple[Image, Face]
"""A face where it stands upright, and the picture so turned."""

Seen = Sequence[Sequence[View]]
"""The faces of each image."""


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """models_dir: where weights are and rebuilt graphs are written. pack: the active one. device: "cpu" or "cuda".

    threads: per running network on the CPU, 0 = ONNX Runtime decides. given_model_defaults: "auto" lets the active pack
    answer to the names that existing clients send by default. working_side_px: what the first detector pass works at.
    acknowledged: packs or weights that may be used although their terms do not clearly allow commercial use.
    idle_unload_s, vram_limit_mb: as in `Runtime`.
    """

    models_dir: Path = Path("var/models")
    pack: str = "dlib"
    device: str = CPU
    threads: int = 0
    given_model_defaults: str = AUTO
    working_side_px: int = WORKING_SIDE_PX
    acknowledged: tuple[str, ...] = ()
    idle_unload_s: float = 0.0
    vram_limit_mb: float = 0.0


class VisionEngine:
    """`Vision` in this process. Nothing is loaded before `load`; safe to use from several threads.

    As many analyses run at once as there are cores; the others wait their turn.
    """

    def __init__(self, config: VisionConfig) -> None:
        self._config = config
        self._runtime = Runtime(
            config.device, config.threads, idle_unload_s=config.idle_unload_s, vram_limit_mb=config.vram_limit_mb
        )
        self._registry = Registry(
            config.models_dir, self._runtime, config.pack, config.given_model_defaults, config.acknowledged
        )
        self._voucher: AttackDetector = MiniFasnet(config.models_dir, self._runtime)
        self._accuser: AttackDetector = DeepTree(config.models_dir, self._runtime, config.acknowledged)
        self._uprightness = Uprightness(self._runtime, config.models_dir)
        self._ready = threading.Event()
        self._turns = threading.BoundedSemaphore(CORES)
        self._pool = ThreadPoolExecutor(CORES, "detect")

    def load(self) -> None:
        """Load the configured pack and the attack detectors that are here; from then on `analyze` answers.

        Raises Refusal "model_not_available" for a name that is no pack's, "weights_missing", "weights_altered",
        "weights_unfit" or "licence_not_acknowledged" where the configured pack may not or cannot be used.
        """
        self._registry.require(self._registry.active)
        self._registry.pack(AUTO).load()
        for detector in self._attack_detectors():
            detector.load()
        self._uprightness.load()
        self._ready.set()
        logger.info("vision is ready: pack %s on %s", self._registry.active, self._runtime.device)

    def close(self) -> None:
        """Let go of the models; `analyze` then refuses until `load` is called again."""
        self._ready.clear()
        self._runtime.close()

    def analyze(self, images: Sequence[Image], request: AnalysisRequest) -> tuple[FrameAnalysis, ...]:
        """Analyze every image, in order; the faces of all images share the recogniser's batches.

        Raises Refusal "model_not_ready" before `load`, "model_not_available" for a pack or detector not installed,
        ValueError for a want or a gate that there is not.
        """
        if not self._ready.is_set():
            raise Refusal("model_not_ready", retry_after=5)
        if request.want - WANTS:
            raise ValueError(f"want may hold {sorted(WANTS)}, got {sorted(request.want)}")
        if request.want and not request.prove_upright:
            raise ValueError("templates, attack signals and components are of faces proved upright only")
        gate = gate_of(request.gate)
        with self._turn():
            return self._analyzed(images, request, gate)

    def resolve(self, pack: str) -> PackInfo:
        """Return what a pack's name means here.

        Raises Refusal "model_not_available" for a name that is unknown or not installed.
        """
        name = self._registry.resolve(pack)
        return next(info for info in self._registry.infos() if info.name == name)

    def status(self) -> VisionStatus:
        card = vram()
        return VisionStatus(
            ready=self._ready.is_set(),
            active_pack=self._registry.active,
            device=self._runtime.device,
            packs=self._registry.infos(),
            attack_ready=self._ready.is_set() and self._voucher.installed,
            accusers=(self._accuser.name,) if self._accuser.installed else (),
            device_wanted=self._runtime.wanted,
            detectors=self._registry.detectors(),
            vram_used_mb=None if card is None else card.used_bytes / 2**20,
            process=f"{platform.node()}:{os.getpid()}",
            metrics=self._runtime.metrics(),
        )

    def _analyzed(self, images: Sequence[Image], request: AnalysisRequest, gate: Gate) -> tuple[FrameAnalysis, ...]:
        pack = self._registry.pack(request.pack, request.active)
        detector = self._registry.detector(request.detector, pack)
        finder = Finder(detector, self._registry.fallbacks(), self._uprightness)
        detected = self._detect_all(images, finder, request)
        aligns = pack.recogniser if TEMPLATE in request.want else None
        seen = [
            [self._upright_view(image, face, aligns) for face in faces]
            for image, (faces, _) in zip(images, detected, strict=True)
        ]
        made = self._templates(seen, pack, request)
        signals = self._signals(seen, request)
        told = COMPONENTS in request.want

        def observed(face: Face, place: Place) -> Observation:
            view, template = seen[place[0]][place[1]], made.get(place)
            found = components(*view) if told and face.turn is not None else None
            return Observation(face, _quality(face, view, gate, template), template, signals.get(place, ()), found)

        return tuple(
            FrameAnalysis(tuple(observed(face, (row, k)) for k, face in enumerate(faces)), used)
            for row, (faces, used) in enumerate(detected)
        )

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        asked_at = time.monotonic()
        with self._turns:
            self._runtime.meters.queue_wait.observe(time.monotonic() - asked_at)
            yield

    def _detect_all(self, images: Sequence[Image], finder: Finder, request: AnalysisRequest) -> list[Detected]:
        """Two pictures on two cores are done sooner side by side than each with both cores."""
        side_px = self._config.working_side_px
        if len(images) < 2:
            return [finder.find(image, request, side_px) for image in images]
        return list(self._pool.map(lambda image: finder.find(image, request, side_px), images))

    def _upright_view(self, image: Image, face: Face, aligns: Recogniser | None) -> View:
        """The picture turned so that the face stands in it, and the face there; as they are where that is unproved.

        aligns: the recogniser whose template is wanted. Where one model alone placed the face's points, another is
        asked for its own: that by which the recogniser aligns, if it does, else the five packaged ones.
        """
        turn = face.turn or 0
        upright, there = turned_image(image, turn), turned_face(face, turn, image)
        if there.disagreement is None and face.turn is not None:
            apart = aligns.disagreement(upright, there) if aligns else None
            if apart is None:
                apart = self._registry.landmarks.apart(upright.pixels, there.points5)
            there = replace(there, disagreement=apart)
        return upright, there

    def _places(self, seen: Seen, request: AnalysisRequest) -> list[Place]:
        """The faces that templates and attack signals are asked for."""
        most = 1 if request.main_face_only else request.max_faces
        return [(row, k) for row, views in enumerate(seen) for k in range(min(len(views), most))]

    def _templates(self, seen: Seen, pack: Pack, request: AnalysisRequest) -> dict[Place, Template]:
        """Of the faces proved upright: of another nobody knows what its numbers say."""
        if TEMPLATE not in request.want:
            return {}
        places = [(row, k) for row, k in self._places(seen, request) if seen[row][k][1].turn == 0]
        return dict(zip(places, templates(pack.recogniser, [seen[row][k] for row, k in places]), strict=True))

    def _attack_detectors(self) -> tuple[AttackDetector, ...]:
        """Return whom to ask: the one that may vouch, who says so too where it is not here, then who can accuse."""
        return (self._voucher, self._accuser) if self._accuser.installed else (self._voucher,)

    def _signals(self, seen: Seen, request: AnalysisRequest) -> dict[Place, tuple[AttackSignal, ...]]:
        if ATTACK not in request.want:
            return {}
        places = self._places(seen, request)
        upright = [(row, k) for row, k in places if seen[row][k][1].turn == 0]
        said: dict[Place, tuple[AttackSignal, ...]] = dict.fromkeys(places, ())
        for detector in self._attack_detectors():
            told = dict(zip(upright, detector.signals([seen[row][k] for row, k in upright]), strict=True))
            untold = AttackSignal(detector.name, AttackOutcome.INCONCLUSIVE, why="face_turned")
            said = {place: (*before, told.get(place, untold)) for place, before in said.items()}
        return said


def _quality(face: Face, view: View, gate: Gate, template: Template | None) -> Quality:
    """What falls short in the face as it stands; its roll is told as the picture was given."""
    found = quality.assess(*view, gate, template)
    return replace(found, pose=turned_pose(found.pose, -(face.turn or 0)))
