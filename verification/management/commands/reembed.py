"""Change the model without downtime: build templates of another pack, compare, switch, go back, clean up."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from enrollment.services import reembedding, renewal, turned
from enrollment.services.packs import activate, registry
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.jobs.vision import vision
from heirloom.vision.packs.registry import Registry
from heirloom.vision.types import PackInfo
from verification.services import shadow
from verification.services.shadow import Enrolled

Item = TypeVar("Item")
NEWEST_VERIFICATIONS = 200
SAID_EVERY_S = 10.0
"""How often a log that is no terminal hears of the progress."""


class Command(BaseCommand):
    help = (
        "Change the model that people are recognised by, while the system goes on answering: build the templates of "
        "another pack, compare both, switch, go back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        build = acts.add_parser("build", help="make the pack's templates for everybody; goes on where it was cut off")
        build.add_argument("pack", metavar="PACK")
        compare = acts.add_parser("compare", help="what the active pack and this one say of the same people")
        compare.add_argument("pack", metavar="PACK")
        compare.add_argument("--newest", type=int, default=NEWEST_VERIFICATIONS, help="verifications to look at again")
        switch = acts.add_parser("switch", help="build what is missing, then make the pack the active one")
        switch.add_argument("pack", metavar="PACK")
        _add_leave_out(switch, "also if some people have no templates of it")
        _add_leave_out(acts.add_parser("back", help="switch to the pack before the active one"), "as with switch")
        drop = acts.add_parser("drop", help="delete the templates of a model that is no longer used")
        drop.add_argument("model", metavar="MODEL")
        _add_leave_out(drop, "also those of people who have no others")
        acts.add_parser("check", help="open a case for every template whose face is not proved upright in its picture")
        acts.add_parser("vectors", help="make search vectors of a former kind anew; goes on where it was cut off")
        acts.add_parser("index", help="build the search indexes anew, beside the present ones")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            match options["act"]:
                case "build":
                    self._build(registry().require(options["pack"]))
                case "compare":
                    self._compare(registry(), options["pack"], options["newest"])
                case "switch":
                    self._switch(options["pack"], leave_out=options["leave_out"])
                case "back":
                    self._switch(_before(), leave_out=options["leave_out"])
                case "drop":
                    count = reembedding.drop(model=options["model"], leave_out=options["leave_out"])
                    self.stdout.write(f"Deleted {count} templates of {options['model']}.")
                case "check":
                    self._check(registry())
                case "vectors":
                    self._vectors()
                case "index":
                    built = [renewal.rebuild_index(dimensions) for dimensions in renewal.INDEXED]
                    self.stdout.write("Built anew." if all(built) else "Another process is at it.")
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} {refusal.entry.remedy} ({refusal.code})") from refusal

    def _build(self, pack: PackInfo) -> None:
        total, templates, left = reembedding.still_to_do(pack.model), 0, Counter[tuple[str, ...]]()
        for made in self._with_progress(reembedding.build(pack=pack, vision=vision()), total, "people"):
            templates += made.templates
            left.update(made.left.values())
        self.stdout.write(f"Made {templates} templates of {pack.model}.")
        for reasons, count in left.most_common():
            self.stdout.write(f"  {count} captures gave none: {', '.join(reasons)}")

    def _compare(self, here: Registry, pack: str, newest: int) -> None:
        now, then = here.require(packs.active()), here.require(pack)
        for info in (now, then):
            self.stdout.write(_enrolled_line(info, shadow.enrolled(info.model)))
        pairs = shadow.verifications(now=now.name, then=then.name, vision=vision(), newest=newest)
        counted = Counter(self._with_progress(pairs, None, "verifications"))
        self.stdout.write(f"{sum(counted.values())} verifications looked at again:")
        self.stdout.write(_agreement_table(counted, now.name, then.name))

    def _switch(self, pack: str, *, leave_out: bool) -> None:
        here = registry()
        self._build(here.require(pack))
        made = activate(pack=pack, registry=here, leave_out=leave_out)
        self.stdout.write(f"{made.pack} is the active pack from now on; before it was {made.previous}.")
        self.stdout.write("The other templates are kept: manage.py reembed back returns to them.")

    def _check(self, here: Registry) -> None:
        usable = {info.model: info.name for info in here.infos() if info.installed and info.acknowledged}
        total, found = turned.still_to_check(), Counter[turned.Standing]()
        for checked in self._with_progress(turned.check(packs=usable, vision=vision()), total, "captures"):
            found[checked.standing] += 1
        self.stdout.write(f"{found.total()} captures were looked at; {found[turned.Standing.SOUND]} are upright.")
        self.stdout.write(f"{found[turned.Standing.TURNED]} cases were opened: reviewers find them as `turned`.")
        if untold := found[turned.Standing.UNTOLD]:
            raise CommandError(
                f"Of {untold} captures nothing can be told: their files, or the packs of their templates, are not "
                "here. Enroll those people anew, or bring the packs back."
            )

    def _vectors(self) -> None:
        total = renewal.still_to_do()
        made = sum(self._with_progress(renewal.renew(), None, "batches"))
        left = renewal.still_to_do()
        self.stdout.write(f"Made {made} of {total} search vectors anew; {left} are of a former kind.")

    def _with_progress(self, work: Iterable[Item], total: int | None, unit: str) -> Iterator[Item]:
        """A bar on a terminal, a line now and then in a log."""
        said_every_s = 0.1 if sys.stderr.isatty() else SAID_EVERY_S
        yield from tqdm(work, total=total, unit=f" {unit}", mininterval=said_every_s, file=sys.stderr, leave=False)


def _add_leave_out(parser: CommandParser, words: str) -> None:
    parser.add_argument("--leave-out", action="store_true", help=words)


def _before() -> str:
    """Return the pack that was active before this one. Raises CommandError where none ever was switched."""
    last = packs.latest()
    if last is None:
        raise CommandError("No pack was ever activated here, so there is none to go back to.")
    return last.previous


def _enrolled_line(info: PackInfo, seen: Enrolled) -> str:
    if seen.threshold is None:
        return f"{info.name}: no policy is measured for {info.model}; manage.py calibrate measures it."
    rates = {"FMR": seen.fmr, "FNMR": seen.fnmr}
    told = [f"{name} {value or 'nothing to count'}" for name, value in rates.items()]
    return f"{info.name}, one picture against one, enrolled people, at {seen.threshold:.4f}: {', '.join(told)}"


def _agreement_table(counted: Counter[tuple[str, str]], now: str, then: str) -> str:
    """Rows: how the active pack reads; columns: how the other does."""
    seen = [reading for reading in shadow.READINGS if any(reading in pair for pair in counted)]
    rows: list[Sequence[str]] = [(f"{now} \\ {then}", *seen)]
    rows += [(row, *(str(counted[row, column]) for column in seen)) for row in seen]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
