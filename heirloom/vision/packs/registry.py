"""Which packs and detectors there are, and what the names of the wire contract mean here."""

import threading
from collections.abc import Callable, Collection
from pathlib import Path

from heirloom.errors import Refusal
from heirloom.vision import attack, catalog, dlib_weights
from heirloom.vision.detection import Detector
from heirloom.vision.landmarks import Landmarks
from heirloom.vision.packs import deepface, dlib, onnx, opencv_zoo, yunet
from heirloom.vision.packs.base import Pack
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import PackInfo

AUTO = "auto"

SHORT_NAMES = {
    "dlib": dlib.NAME,
    "sface": opencv_zoo.NAME,
    "opencv_zoo": opencv_zoo.NAME,
    "facenet": "deepface:Facenet",
    "facenet512": "deepface:Facenet512",
    "arcface": "deepface:ArcFace",
    "ghostfacenet": "deepface:GhostFaceNet",
    "adaface": "onnx:adaface",
    "mobilefacenet": "onnx:mobilefacenet",
    "edgeface": "onnx:edgeface",
}
"""What a recogniser's plain name means; a pack's own name is understood as well."""

GIVEN_DEFAULTS = ("facenet", "adaface")
"""What existing client apps send when they have no opinion; GIVEN_MODEL_DEFAULTS=auto lets the active pack answer."""


ACKNOWLEDGE_IT = "To use it nevertheless, name it in NONCOMMERCIAL_MODELS_ACKNOWLEDGED."


def weights_of(pack: str) -> tuple[str, ...]:
    """Return the files of the catalog that a pack uses; none for one that is described by a file of its own.

    Raises Refusal "model_not_available" for a name that is no pack's.
    """
    name = SHORT_NAMES.get(pack.lower(), pack)
    if name.startswith(onnx.PREFIX):
        return ()
    if name.startswith(deepface.PREFIX):
        recogniser = deepface.offer(name).weights
        return (recogniser, *(each for each in dlib.WEIGHTS if each not in {recogniser, "dlib-descriptor"}))
    known = {dlib.NAME: dlib.WEIGHTS, opencv_zoo.NAME: opencv_zoo.WEIGHTS}
    if name not in known:
        raise Refusal("model_not_available", f"There is no pack {pack}.")
    return known[name]


class Registry:
    """Builds each pack once, on first use; nothing is loaded until the pack is."""

    def __init__(
        self,
        models_dir: Path,
        runtime: Runtime,
        active: str,
        given_model_defaults: str = AUTO,
        acknowledged: Collection[str] = (),
    ) -> None:
        self._models_dir, self._runtime = models_dir, runtime
        self._active = SHORT_NAMES.get(active, active)
        self._acknowledged = frozenset(acknowledged) | {SHORT_NAMES.get(name.lower(), name) for name in acknowledged}
        self._given_defaults = given_model_defaults
        self._lock = threading.RLock()
        self._landmarks = Landmarks()
        self._packs: dict[str, Pack] = {}
        self._mmod = dlib.MmodDetector(runtime, models_dir, self._landmarks)
        self._yunet = yunet.YuNetDetector(models_dir)

    @property
    def active(self) -> str:
        """The name of the pack that answers when none is named."""
        return self._active

    def resolve(self, name: str) -> str:
        """Return the pack that a name of the wire contract means.

        Raises Refusal "model_not_available" for a name that is unknown or not installed, naming those that are, and
        for one whose licence forbids commercial use and was not acknowledged, saying so.
        """
        wanted = name.strip()
        plain = wanted.lower()
        if plain in ("", AUTO) or (plain in GIVEN_DEFAULTS and self._given_defaults == AUTO):
            wanted = self._active
        pack = SHORT_NAMES.get(wanted.lower(), wanted)
        installed = {info.name: info for info in self.infos() if info.installed}
        if pack not in installed:
            usable = [name for name, info in installed.items() if info.acknowledged]
            raise Refusal("model_not_available", f"Installed here: {', '.join(usable)}.", attr="model_name")
        if not installed[pack].acknowledged:
            detail = f"The licence of {pack} ({installed[pack].licence}) forbids commercial use. {ACKNOWLEDGE_IT}"
            raise Refusal("model_not_available", detail, attr="model_name")
        return pack

    def pack(self, name: str) -> Pack:
        """Return the pack that a name means; raises as `resolve` does."""
        resolved = self.resolve(name)
        with self._lock:
            if resolved not in self._packs:
                self._packs[resolved] = self._build(resolved)
            return self._packs[resolved]

    def detector(self, name: str, pack: Pack) -> Detector:
        """Return the detector that a name means; "" and "auto" mean the pack's own, "active" names are understood too.

        Raises Refusal "model_not_available", naming the installed ones.
        """
        if name in ("", AUTO):
            return pack.detector
        detectors = {each.name: each for each in self.detectors()}
        if name not in detectors:
            raise Refusal("model_not_available", f"Installed here: {', '.join(detectors)}.", attr="model_name")
        return detectors[name]

    def detectors(self) -> tuple[Detector, ...]:
        """Return the detectors that are installed."""
        offered: list[tuple[Detector, bool]] = [
            (self._mmod, dlib_weights.folder() is not None),
            (self._yunet, catalog.usable(opencv_zoo.DETECTOR, self._models_dir)),
        ]
        return tuple(detector for detector, installed in offered if installed)

    def infos(self) -> tuple[PackInfo, ...]:
        """Return every pack that is known here, installed or not."""
        built_in = self._info(dlib.NAME, dlib.NAME, "resnet", dlib.MODEL, dlib.DIMENSIONS, dlib.LICENCE)
        zoo = self._info(
            opencv_zoo.NAME,
            opencv_zoo.DETECTOR,
            opencv_zoo.RECOGNISER,
            opencv_zoo.MODEL,
            opencv_zoo.DIMENSIONS,
            opencv_zoo.LICENCE,
        )
        return (built_in, zoo, *self._deepface_infos(), *self._onnx_infos())

    def _deepface_infos(self) -> list[PackInfo]:
        return [
            self._info(
                f"{deepface.PREFIX}{each.id}",
                self._mmod.name,
                each.id,
                f"{deepface.PREFIX}{each.id}",
                each.dimensions,
                each.licence,
            )
            for each in deepface.OFFERS
        ]

    def _onnx_infos(self) -> list[PackInfo]:
        detector = self._five_point_detector().name
        return [
            self._info(f"{onnx.PREFIX}{each.name}", detector, each.name, each.model, each.dimensions, each.licence)
            for each in onnx.descriptions(self._models_dir)
        ]

    def _info(self, name: str, detector: str, recogniser: str, model: str, dimensions: int, licence: str) -> PackInfo:
        if detector == dlib.NAME:
            licence = f"{licence}; {dlib.LANDMARKS_NOTE}"
        return PackInfo(
            name,
            detector,
            recogniser,
            model,
            dimensions,
            attack.NAME,
            self._is_installed(name),
            licence,
            self._is_acknowledged(name),
            sees_lids=detector == dlib.NAME,
        )

    def _is_acknowledged(self, name: str) -> bool:
        """Whether a pack may be used: its licence allows any use, or it, or every file at issue, was acknowledged."""
        if name in self._acknowledged:
            return True
        if name.startswith(onnx.PREFIX):
            return self._description(name).commercial_use
        at_issue = {each for each in weights_of(name) if catalog.entry(each).needs_acknowledgement}
        return at_issue <= self._acknowledged

    def _is_installed(self, name: str) -> bool:
        checks: dict[str, Callable[[], bool]] = {
            dlib.NAME: lambda: dlib_weights.folder() is not None,
            opencv_zoo.NAME: lambda: opencv_zoo.installed(self._models_dir),
        }
        if name in checks:
            return checks[name]()
        if name.startswith(deepface.PREFIX):
            return deepface.installed(deepface.offer(name), self._models_dir)
        return self._description(name).intact

    def _build(self, name: str) -> Pack:
        if name == dlib.NAME:
            recogniser = dlib.DlibRecogniser(self._runtime, self._models_dir, self._landmarks)
            return Pack(name, self._mmod, recogniser)
        if name == opencv_zoo.NAME:
            return opencv_zoo.opencv_zoo_pack(self._yunet, self._models_dir)
        if name.startswith(deepface.PREFIX):
            offer = deepface.offer(name)
            return deepface.deepface_pack(offer, self._models_dir, self._runtime.wanted, self._landmarks, self._mmod)
        return onnx.onnx_pack(self._runtime, self._description(name), self._five_point_detector())

    def _five_point_detector(self) -> Detector:
        """The detector whose five points ArcFace-style recognisers know best: YuNet where it is installed."""
        return self._yunet if catalog.usable(opencv_zoo.DETECTOR, self._models_dir) else self._mmod

    def _description(self, name: str) -> onnx.Description:
        return next(each for each in onnx.descriptions(self._models_dir) if f"{onnx.PREFIX}{each.name}" == name)
