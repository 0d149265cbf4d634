"""The vision packs and the weights files they run on: what is here, under which licence, and whether it is intact."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from heirloom.errors import Refusal
from heirloom.vision import catalog
from heirloom.vision.catalog import State, Weights
from heirloom.vision.packs import onnx
from heirloom.vision.packs.registry import ACKNOWLEDGE_IT, Registry, weights_of
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import PackInfo

PULL_WITHIN_S = 600.0
SHOWN_OF_A_HASH = 12


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # weights are looked after without a web server or database
    help = "List the vision packs and their weights files, pull some, or verify those that are here."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="packs and weights files: installed or not, licence, hash, source")
        pull = acts.add_parser("pull", help="download weights files and hold them to their hashes")
        pull.add_argument("names", nargs="+", metavar="NAME", help="a weights file, or a pack: all files it needs")
        pull.add_argument("--timeout", type=float, default=PULL_WITHIN_S, help="seconds for each file")
        verify = acts.add_parser("verify", help="read the files that are here; exit 1 when one has a wrong hash")
        verify.add_argument("names", nargs="*", metavar="NAME", help="these only; a missing one is a fault then")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["act"] == "list":
                self._list()
            elif options["act"] == "pull":
                self._pull(_files(options["names"]), options["timeout"])
            else:
                self._verify(options["names"])
        except (Refusal, ValueError) as error:
            raise CommandError(error.detail if isinstance(error, Refusal) else str(error)) from error

    def _list(self) -> None:
        registry = Registry(
            settings.MODELS_DIR,
            Runtime(),
            settings.VISION_PACK,
            acknowledged=settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED,
        )
        packs = [("Pack", "State", "Detector", "Templates", "Licence")]
        packs += [(info.name, _pack_state(info, registry.active), *_pack_facts(info)) for info in registry.infos()]
        files = [("Weights file", "State", "sha256", "Commercial use", "Licence", "Source")]
        files += [_file_facts(weights, settings.MODELS_DIR) for weights in catalog.entries().values()]
        self.stdout.write(_table(packs))
        self.stdout.write("")
        self.stdout.write(_table(files))
        for name, weights in catalog.entries().items():
            if weights.note:
                self.stdout.write(f"\n* {name}: {weights.note}")

    def _pull(self, names: Sequence[str], timeout_s: float) -> None:
        for name in names:
            here = catalog.usable(name, settings.MODELS_DIR)
            path = catalog.pull(name, settings.MODELS_DIR, timeout_s)
            self.stdout.write(f"{name}: {'is here already' if here else f'pulled to {path}'}")
            if catalog.entry(name).needs_acknowledgement:
                self.stdout.write(f"{name}: {catalog.entry(name).licence} forbids commercial use. {ACKNOWLEDGE_IT}")

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


def _files_of_pack(name: str) -> tuple[str, ...]:
    try:
        files = weights_of(name)
    except Refusal as refusal:
        known = f"The weights files are {', '.join(catalog.entries())}; a pack's name means all of its files."
        raise Refusal("model_not_available", f"There is no weights file or pack {name}. {known}") from refusal
    if not files:
        raise Refusal("model_not_available", f"{name} is described in {settings.MODELS_DIR / onnx.FOLDER}, by hand.")
    return files


def _described(models_dir: Path) -> dict[str, State]:
    """The files of packs that are described in the models folder."""
    return {f"{onnx.PREFIX}{each.name}": _state(each) for each in onnx.descriptions(models_dir)}


def _state(described: onnx.Description) -> State:
    if described.intact:
        return State.OK
    files = filter(None, (described.file, described.data_file))
    return State.WRONG_HASH if all(path.is_file() for path in files) else State.MISSING


def _pack_state(info: PackInfo, active: str) -> str:
    if not info.installed:
        return "not installed"
    if not info.acknowledged:
        return "not acknowledged"
    return "active" if info.name == active else "installed"


def _pack_facts(info: PackInfo) -> tuple[str, str, str]:
    return info.detector, f"{info.model}, {info.dimensions} numbers", info.licence


def _file_facts(weights: Weights, models_dir: Path) -> tuple[str, str, str, str, str, str]:
    state = catalog.verify(weights.name, models_dir)
    commercial = "yes" if weights.commercial_use else "no"
    source = f"package {weights.package}" if weights.package else str(urlsplit(weights.url).hostname)
    return (
        weights.name + ("*" if weights.note else ""),
        {State.OK: "intact", State.MISSING: "not here", State.WRONG_HASH: "WRONG HASH"}.get(state, "not trusted"),
        _hash(weights, models_dir),
        commercial,
        weights.licence,
        source,
    )


def _hash(weights: Weights, models_dir: Path) -> str:
    known = sorted(catalog.held_to(weights, models_dir))
    return known[0][:SHOWN_OF_A_HASH] if known else "recorded on first pull"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
