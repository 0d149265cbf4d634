"""Builds packs and detectors, each once, and says what the names of the wire contract mean here."""

import threading
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from heirloom.errors import Refusal
from heirloom.vision import catalog
from heirloom.vision.contracts import contracts
from heirloom.vision.detection import Detector
from heirloom.vision.features import Recogniser
from heirloom.vision.graph_files import freed_copy
from heirloom.vision.landmarks import Landmarks
from heirloom.vision.names import AUTO, MINIFASNET, leaves_it_open
from heirloom.vision.packs import arcface, deepface, described, dlib, offers, opencv_zoo, yunet
from heirloom.vision.packs.arcface import Mirrored
from heirloom.vision.packs.base import Pack
from heirloom.vision.packs.heads import HEADS
from heirloom.vision.packs.offers import Offer
from heirloom.vision.packs.onnx import OnnxDetector, OnnxRecogniser
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import PackInfo

FALLBACKS = (dlib.NAME, yunet.NAME)
"""The detectors that are quick enough on a CPU to be tried one after the other."""


class Registry:
    """Builds each pack once, on first use; nothing is loaded until the pack is.

    active: the pack that answers when none is named.
    """

    def __init__(
        self,
        models_dir: Path,
        runtime: Runtime,
        active: str,
        given_model_defaults: str = AUTO,
        acknowledged: Collection[str] = (),
    ) -> None:
        self._models_dir, self._runtime = models_dir, runtime
        self._started_with = active
        self._acknowledged = frozenset(acknowledged)
        self._given_defaults = given_model_defaults
        self._lock = threading.RLock()
        self._landmarks = Landmarks()
        self._packs: dict[str, Pack] = {}
        self._detectors: dict[str, Detector] = {}

    @property
    def active(self) -> str:
        """The full name of the pack that answers when none is named."""
        return offers.full_name(self._started_with, self._models_dir)

    @property
    def landmarks(self) -> Landmarks:
        """The packaged landmark models, which packs share."""
        return self._landmarks

    def resolve(self, name: str, active: str = "") -> str:
        """Return the pack that a name of the wire contract means; `active` answers when none is named.

        Raises Refusal "model_not_available" for a name that is unknown or not installed, naming those that are, and
        for one whose terms were not acknowledged where they must be, saying so. For the active one it raises
        as `require` does: whoever named none is not at fault.
        """
        if leaves_it_open(name, self._given_defaults):
            return self.require(active or self._started_with).name
        return self._usable(offers.full_name(name, self._models_dir), offers.packs(self._models_dir)).name

    def require(self, name: str) -> PackInfo:
        """Return what a pack of this name runs with, if it may be used here.

        Raises Refusal "model_not_available" for a name that is no pack's, "weights_missing", "weights_altered" or
        "licence_not_acknowledged" where that is what stands in the way.
        """
        known = offers.packs(self._models_dir)
        offer = known.get(offers.full_name(name, self._models_dir))
        if offer is None:
            raise Refusal("model_not_available", f"There is no pack {name}; known are {', '.join(known)}.")
        offer.require(self._models_dir, self._acknowledged)
        return self._info(offer)

    def pack(self, name: str, active: str = "") -> Pack:
        """Return the pack that a name means; raises as `resolve` does."""
        resolved = self.resolve(name, active)
        with self._lock:
            if resolved not in self._packs:
                self._packs[resolved] = self._build(offers.packs(self._models_dir)[resolved])
            return self._packs[resolved]

    def detector(self, name: str, pack: Pack) -> Detector:
        """Return the detector that a name means; what means the active pack in `resolve` means the pack's own here.

        Raises Refusal "model_not_available" as `resolve` does.
        """
        wanted = name.strip().lower()
        if leaves_it_open(wanted, self._given_defaults):
            return pack.detector
        return self._detector(self._usable(wanted, offers.detectors(self._models_dir)).name)

    def detectors(self) -> tuple[str, ...]:
        """Return the names of the detectors that may be used here."""
        return self._names(offers.detectors(self._models_dir))

    def fallbacks(self) -> tuple[Detector, ...]:
        """Return the detectors to try when one finds nothing."""
        usable = self.detectors()
        return tuple(self._detector(name) for name in FALLBACKS if name in usable)

    def infos(self) -> tuple[PackInfo, ...]:
        """Return every pack that is known here, installed or not."""
        return tuple(self._info(offer) for offer in offers.packs(self._models_dir).values())

    def _info(self, offer: Offer) -> PackInfo:
        return PackInfo(
            offer.name,
            offer.detector,
            offer.recogniser,
            offer.model,
            offer.dimensions,
            MINIFASNET,
            offer.installed(self._models_dir),
            offer.licence,
            offer.acknowledged(self._acknowledged),
            sees_lids=offer.detector == dlib.NAME,
        )

    def _usable(self, name: str, known: dict[str, Offer]) -> Offer:
        offer = known.get(name)
        if offer is None or not offer.installed(self._models_dir):
            names = ", ".join(self._names(known))
            raise Refusal("model_not_available", f"Installed here: {names}.", attr="model_name")
        if not offer.acknowledged(self._acknowledged):
            raise Refusal("model_not_available", offer.not_acknowledged, attr="model_name")
        return offer

    def _names(self, known: dict[str, Offer]) -> tuple[str, ...]:
        usable = (o for o in known.values() if o.installed(self._models_dir) and o.acknowledged(self._acknowledged))
        return tuple(offer.name for offer in usable)

    def _build(self, offer: Offer) -> Pack:
        return Pack(offer.name, self._detector(offer.detector), self._recogniser(offer))

    def _recogniser(self, offer: Offer) -> Recogniser:
        if offer.name == dlib.NAME:
            return dlib.DlibRecogniser(self._runtime, self._models_dir, self._landmarks)
        if offer.name == opencv_zoo.NAME:
            return self._from_catalog(offer, opencv_zoo.RECOGNISER, opencv_zoo.RECOGNISER)
        if (made := arcface.composition(offer.name)) is not None:
            return Mirrored([self._network(each) for each in made.networks], offer.model)
        if offer.name.startswith(deepface.PREFIX):
            found = deepface.recognition(offer.name)
            if found.id == deepface.DLIB:
                return deepface.DlibThroughDeepFace(self._models_dir, self._runtime.wanted, self._landmarks)
            return self._from_catalog(offer, found.weights, found.contract)
        file = next(each for each in described.recognisers(self._models_dir) if each.name == offer.name)
        return OnnxRecogniser(
            self._runtime, file.own.checked, file.contract, model=file.model, dimensions=file.dimensions
        )

    def _network(self, network: arcface.Network) -> Recogniser:
        return OnnxRecogniser(
            self._runtime,
            partial(network.graph, network.weights, self._models_dir),
            contracts()[catalog.entry(network.weights).contract],
            model=network.weights,
            dimensions=network.dimensions,
        )

    def _from_catalog(self, offer: Offer, weights: str, contract: str) -> Recogniser:
        file = partial(catalog.checked, weights, self._models_dir)
        return OnnxRecogniser(
            self._runtime, file, contracts()[contract], model=offer.model, dimensions=offer.dimensions
        )

    def _detector(self, name: str) -> Detector:
        with self._lock:
            if name not in self._detectors:
                self._detectors[name] = self._new_detector(name)
            return self._detectors[name]

    def _new_detector(self, name: str) -> Detector:
        own = {each.name: each for each in described.detectors(self._models_dir)}
        if name in own:
            file = own[name]
            return OnnxDetector(name, self._runtime, file.own.checked, file.head, file.feed)
        makers: dict[str, Callable[[], Detector]] = {
            dlib.NAME: lambda: dlib.MmodDetector(self._runtime, self._models_dir, self._landmarks),
            yunet.NAME: lambda: yunet.YuNetDetector(self._runtime, self._models_dir),
        }
        if name in makers:
            return makers[name]()
        file_of = partial(freed_copy, name, self._models_dir)
        return OnnxDetector(name, self._runtime, file_of, HEADS[name])
