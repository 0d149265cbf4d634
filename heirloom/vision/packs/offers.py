"""What can be used here: every pack and every detector, the files each needs, and on what terms. Nothing is loaded."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from heirloom.errors import Refusal
from heirloom.vision import catalog
from heirloom.vision.catalog import State
from heirloom.vision.packs import arcface, deepface, described, dlib, opencv_zoo, yunet
from heirloom.vision.packs.described import OwnFile

SHORT_NAMES = {
    "dlib": dlib.NAME,
    "sface": opencv_zoo.NAME,
    "opencv_zoo": opencv_zoo.NAME,
    "facenet": "deepface:Facenet",
    "facenet512": "deepface:Facenet512",
    "arcface": "deepface:ArcFace",
    "ghostfacenet": "deepface:GhostFaceNet",
}
"""What a recogniser's plain name means where no described file has it; a pack's own name is understood as well."""

ACKNOWLEDGE_IT = "To use it nevertheless, name it in NONCOMMERCIAL_MODELS_ACKNOWLEDGED."


@dataclass(frozen=True, slots=True)
class Offer:
    """A pack or a detector. files: of the catalog. own: described files.

    detector, recogniser, model and dimensions are those of a pack, "" and 0 for a detector alone.
    """

    name: str
    files: tuple[str, ...]
    licence: str
    own: tuple[OwnFile, ...] = ()
    detector: str = ""
    recogniser: str = ""
    model: str = ""
    dimensions: int = 0

    def states(self, models_dir: Path) -> dict[str, State]:
        """Return what is to be said of each file it needs."""
        found = {name: catalog.verify(name, models_dir) for name in self.files}
        return found | {each.name: each.state for each in self.own}

    def installed(self, models_dir: Path) -> bool:
        return all(state is State.OK for state in self.states(models_dir).values())

    def acknowledged(self, names: Collection[str]) -> bool:
        """Whether it may be used: its licences allow any use, or it, or every file at issue, is among `names`."""
        known = {*names, *(SHORT_NAMES.get(name.lower(), name) for name in names)}
        at_issue = {each for each in self.files if catalog.entry(each).needs_acknowledgement}
        at_issue |= {each.name for each in self.own if not each.commercial_use}
        return self.name in known or at_issue <= known

    @property
    def not_acknowledged(self) -> str:
        """What is to be said where somebody must read its terms first."""
        return f"The terms of {self.name} ({self.licence}) do not clearly allow commercial use. {ACKNOWLEDGE_IT}"

    def require(self, models_dir: Path, acknowledged: Collection[str]) -> None:
        """Go on only with what may be used here.

        Raises Refusal "weights_missing", "weights_altered" or "licence_not_acknowledged".
        """
        for name, state in self.states(models_dir).items():
            catalog.require(name, state)
        if not self.acknowledged(acknowledged):
            raise Refusal("licence_not_acknowledged", self.not_acknowledged)


def packs(models_dir: Path) -> dict[str, Offer]:
    """Return every pack that is known here, installed or not, by name.

    Raises ValueError for a description that does not say what it must.
    """
    own = described.recognisers(models_dir)
    known = detectors(models_dir) if own else {}
    return _by_name((*_published_packs(models_dir), *(_own_pack(each, known, models_dir) for each in own)))


def detectors(models_dir: Path) -> dict[str, Offer]:
    """Return every detector that is known here, installed or not, by name.

    Raises ValueError for a description that does not say what it must.
    """
    own = (Offer(each.name, (), each.own.licence, (each.own,)) for each in described.detectors(models_dir))
    return _by_name((*_published_detectors(), *own))


def weights_of(name: str, models_dir: Path) -> tuple[str, ...]:
    """Return the files of the catalog that a pack or a detector uses; none for one that is described by a file.

    Raises Refusal "model_not_available" for a name that is neither.
    """
    full = SHORT_NAMES.get(name.lower(), name)
    if full.startswith(described.PREFIX):
        return ()
    published = _by_name((*_published_detectors(), *_published_packs(models_dir)))
    if full not in published:
        raise Refusal("model_not_available", f"There is no pack {name}.")
    return published[full].files


def full_name(name: str, models_dir: Path) -> str:
    """Return the pack that a plain name means: a described file of that name first, then SHORT_NAMES, else itself."""
    plain = name.strip().lower()
    own = f"{described.PREFIX}{plain}"
    if any(each.name == own for each in described.recognisers(models_dir)):
        return own
    return SHORT_NAMES.get(plain, name.strip())


def _by_name(offers: Iterable[Offer]) -> dict[str, Offer]:
    return {offer.name: offer for offer in offers}


def _published_detectors() -> Iterator[Offer]:
    yield Offer(dlib.NAME, dlib.DETECTOR_WEIGHTS, f"{dlib.LICENCE}; {dlib.LANDMARKS_NOTE}")
    for name in (yunet.NAME, *deepface.DETECTORS):
        yield Offer(name, (name,), catalog.entry(name).licence)


def _published_packs(models_dir: Path) -> Iterator[Offer]:
    zoo, doubt = opencv_zoo, dlib.LANDMARKS_NOTE
    yield Offer(
        dlib.NAME, dlib.WEIGHTS, f"{dlib.LICENCE}; {doubt}", (), dlib.NAME, "resnet", dlib.MODEL, dlib.DIMENSIONS
    )
    yield Offer(zoo.NAME, zoo.WEIGHTS, zoo.LICENCE, (), zoo.DETECTOR, zoo.RECOGNISER, zoo.MODEL, zoo.DIMENSIONS)
    for made in arcface.COMPOSITIONS:
        files, licence = (*made.weights, *dlib.DETECTOR_WEIGHTS), f"{made.licence}; {doubt}"
        yield Offer(made.name, files, licence, (), dlib.NAME, made.name, made.model(models_dir), made.dimensions)
    for each in deepface.RECOGNISERS:
        files = (each.weights, *dlib.DETECTOR_WEIGHTS)
        licence = f"{each.licence}; {doubt}"
        yield Offer(each.name, files, licence, (), dlib.NAME, each.id, each.name, each.dimensions)


def _own_pack(each: described.RecogniserFile, known: Mapping[str, Offer], models_dir: Path) -> Offer:
    """YuNet's five points are those that ArcFace-style recognisers know best, where none are asked for."""
    name = each.detector or (yunet.NAME if known[yunet.NAME].installed(models_dir) else dlib.NAME)
    if name not in known:
        raise ValueError(f"{each.own.name}.toml: there is no detector {name}; known are {', '.join(known)}")
    detector = known[name]
    licence = f"{each.own.licence}; {dlib.LANDMARKS_NOTE}" if name == dlib.NAME else each.own.licence
    files, own = detector.files, (each.own, *detector.own)
    return Offer(each.name, files, licence, own, name, each.own.name, each.model, each.dimensions)
