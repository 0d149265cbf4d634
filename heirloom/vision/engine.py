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
from heirloom.vision.detection import COMPANION_SHARE, THOROUGH_FACTOR, WORKING_SIDE_PX, Detector, Search
from heirloom.vision.features import templates
from heirloom.vision.names import AUTO
from heirloom.vision.packs.base import Pack
from heirloom.vision.packs.registry import Registry
from heirloom.vision.runtime import CPU, Runtime
from heirloom.vision.types import (
    AnalysisRequest,
    AttackSignal,
    Face,
    FrameAnalysis,
    Observation,
    PackInfo,
    Template,
    VisionStatus,
)
from heirloom.vision.vram import vram

logger = logging.getLogger(__name__)

TEMPLATE, ATTACK = "template", "attack"
WANTS = frozenset({TEMPLATE, ATTACK})

CORES = os.cpu_count() or 1

Place = tuple[int, int]
"""Which image, and which of its faces."""

Detected = tuple[tuple[Face, ...], str]
"""The faces of one image, and the detector that found them, or the last that was tried."""


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """models_dir: where weights are and rebuilt graphs are written. pack: the active one. device: "cpu" or "cuda".

    threads: per running network on the CPU, 0 = ONNX Runtime decides. given_model_defaults: "auto" lets the active pack
    answer to the names that existing clients send by default. working_side_px: what the first detector pass works at.
    acknowledged: packs, recognisers or weights whose licence forbids commercial use and that may be used nevertheless.
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
        self._attack: AttackDetector = MiniFasnet(config.models_dir, self._runtime)
        self._ready = threading.Event()
        self._turns = threading.BoundedSemaphore(CORES)
        self._pool = ThreadPoolExecutor(CORES, "detect")

    def load(self) -> None:
        """Load the configured pack and the attack detector, where it is installed; from then on `analyze` answers.

        Raises Refusal "model_not_available" for a name that is no pack's, "weights_missing", "weights_altered",
        "weights_unfit" or "licence_not_acknowledged" where the configured pack may not or cannot be used.
        """
        self._registry.require(self._registry.active)
        self._registry.pack(AUTO).load()
        self._attack.load()
        self._ready.set()
        logger.info("vision is ready: pack %s on %s", self._registry.active, self._runtime.device)

    def close(self) -> None:
        """Let go of the models; `analyze` then refuses until `load` is called again."""
        self._ready.clear()
        self._runtime.close()

    def analyze(self, images: Sequence[Image], request: AnalysisRequest) -> tuple[FrameAnalysis, ...]:
        """Analyze every image, in order; the faces of all images share the recogniser's batches.

        Raises Refusal "model_not_ready" before `load`, "model_not_available" for a pack or detector not installed.
        """
        if not self._ready.is_set():
            raise Refusal("model_not_ready", retry_after=5)
        if request.want - WANTS:
            raise ValueError(f"want may hold {sorted(WANTS)}, got {sorted(request.want)}")
        with self._turn():
            return self._analyzed(images, request)

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
            attack_ready=self._ready.is_set() and self._attack.installed,
            device_wanted=self._runtime.wanted,
            detectors=self._registry.detectors(),
            vram_used_mb=None if card is None else card.used_bytes / 2**20,
            process=f"{platform.node()}:{os.getpid()}",
            metrics=self._runtime.metrics(),
        )

    def _analyzed(self, images: Sequence[Image], request: AnalysisRequest) -> tuple[FrameAnalysis, ...]:
        pack = self._registry.pack(request.pack, request.active)
        detector = self._registry.detector(request.detector, pack)
        detected = self._detect_all(images, detector, request)
        found = [faces for faces, _ in detected]
        made = self._templates(images, found, pack, request)
        signals = self._signals(images, found, request)
        return tuple(
            FrameAnalysis(
                tuple(
                    Observation(face, quality.assess(images[row], face), made.get((row, k)), signals.get((row, k)))
                    for k, face in enumerate(faces)
                ),
                used,
            )
            for row, (faces, used) in enumerate(detected)
        )

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        asked_at = time.monotonic()
        with self._turns:
            self._runtime.meters.queue_wait.observe(time.monotonic() - asked_at)
            yield

    def _detect_all(self, images: Sequence[Image], detector: Detector, request: AnalysisRequest) -> list[Detected]:
        """Two pictures on two cores are done sooner side by side than each with both cores."""
        if len(images) < 2:
            return [self._detect(image, detector, request) for image in images]
        return list(self._pool.map(lambda image: self._detect(image, detector, request), images))

    def _detect(self, image: Image, detector: Detector, request: AnalysisRequest) -> Detected:
        search = replace(Search.of(request), working_side_px=self._config.working_side_px)
        faces = detector.detect(image, search)
        if len(faces) == 1 and request.companions and request.max_faces > 1:
            return self._with_companions(image, detector, search, faces), detector.name
        used = detector
        if not faces and request.use_fallback:
            for used, closer in self._fallbacks(detector, search):
                faces = used.detect(image, closer)
                if faces:
                    break
        return faces, used.name

    @staticmethod
    def _with_companions(image: Image, detector: Detector, search: Search, found: tuple[Face, ...]) -> tuple[Face, ...]:
        """Look again, at most twice as closely, where a face half as large as the one found was too small to see."""
        companion_px = max(COMPANION_SHARE * found[0].box.width, search.min_face_px * image.scale)
        needed = detector.smallest_face_px / companion_px * max(image.width, image.height)
        if needed <= search.working_side_px:
            return found
        side = min(round(needed), search.working_side_px * THOROUGH_FACTOR)
        return detector.detect(image, replace(search, working_side_px=side)) or found

    def _fallbacks(self, first: Detector, search: Search) -> list[tuple[Detector, Search]]:
        """The same detector at twice the size, for faces half as large; then other quick ones."""
        closer = replace(
            search,
            min_face_px=max(1, search.min_face_px // THOROUGH_FACTOR),
            working_side_px=search.working_side_px * THOROUGH_FACTOR,
        )
        others = [each for each in self._registry.fallbacks() if each.name != first.name]
        return [(first, closer), *((other, closer) for other in others)]

    def _places(self, found: Sequence[Sequence[Face]], request: AnalysisRequest) -> list[Place]:
        """The faces that templates and attack signals are asked for."""
        most = 1 if request.main_face_only else request.max_faces
        return [(row, k) for row, faces in enumerate(found) for k in range(min(len(faces), most))]

    def _templates(
        self, images: Sequence[Image], found: Sequence[Sequence[Face]], pack: Pack, request: AnalysisRequest
    ) -> dict[Place, Template]:
        if TEMPLATE not in request.want:
            return {}
        places = self._places(found, request)
        made = templates(pack.recogniser, [(images[row], found[row][k]) for row, k in places])
        return dict(zip(places, made, strict=True))

    def _signals(
        self, images: Sequence[Image], found: Sequence[Sequence[Face]], request: AnalysisRequest
    ) -> dict[Place, AttackSignal]:
        if ATTACK not in request.want:
            return {}
        places = self._places(found, request)
        said = self._attack.signals([(images[row], found[row][k]) for row, k in places])
        return dict(zip(places, said, strict=True))
