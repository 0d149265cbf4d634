"""manage.py audit verify | export | anchor | roles"""

from argparse import ArgumentParser
from itertools import chain as chained
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from heirloom.audit import chain, exporting, keys, roles, services
from heirloom.audit.anchors import services as anchors
from heirloom.audit.anchors.anchor import Kept
from heirloom.audit.chain import VerifyResult


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # an exported log is proved without a web server or database
    help = (
        "verify: prove that no event was changed, removed or put between others, by keys and anchors. export: write "
        "the log as a file, to be verified elsewhere. anchor: tell the last event to every place of anchors now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        verify = acts.add_parser("verify", help="prove the log; exit code 1 when it does not hold")
        verify.add_argument("--log", type=Path, help="an exported log instead of this one; needs no database")
        verify.add_argument("--anchors", type=Path, nargs="+", default=[], help="files of anchors to compare with")
        verify.add_argument("--keys", type=Path, help="the audit keys of an exported log, from `export --keys`")
        verify.add_argument("--tsa", default=settings.AUDIT_TSA_CERTIFICATES, help="PEM file of trusted authorities")
        export = acts.add_parser("export", help="write the log as JSON, an event a line")
        export.add_argument("file", type=Path)
        export.add_argument("--keys", type=Path, help="also write the audit keys there: they prove and forge")
        grants = acts.add_parser("roles", help="say, or do, what makes a role of the database the app's: no owner's")
        grants.add_argument("role", help="made before: CREATE ROLE heirloom_app LOGIN PASSWORD '...'")
        grants.add_argument("--apply", action="store_true", help="do it, as the owner of the tables")
        anchor = acts.add_parser("anchor", help="write an anchor at every place now")
        anchor.add_argument("--anew", action="store_true", help="after a backup was put back; leaves an event")

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            getattr(self, f"_{options['act']}")(options)
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _verify(self, options: dict[str, Any]) -> None:
        given = keys.read(options["keys"]) if options["keys"] else None
        ring = given or (keys.Keys({}) if options["log"] else keys.of_ring())
        read = ((path.name, anchor) for path in options["anchors"] for anchor in chain.read_anchors(path))
        kept = list(chained.from_iterable(anchors.looked_at([one], name, ring, options["tsa"]) for name, one in read))
        away: list[str] = []
        if options["log"]:
            result = chain.walk(chain.read_log(options["log"]), ring, kept)
        else:
            here, away = anchors.reachable()
            result = services.verify([*here, *kept])
        self._tell(result, away, has_keys=bool(ring), given=kept)

    def _tell(self, result: VerifyResult, away: list[str], *, has_keys: bool, given: list[Kept]) -> None:
        if result.broken_at is not None:
            raise CommandError(
                f"The audit log is broken at event {result.broken_at}: {result.fault}. "
                f"The {result.events} events before it hold. Compare with a backup from before."
            )
        if result.doubts:
            raise CommandError("The audit log does not hold: " + "; ".join(result.doubts[:20]) + ".")
        if not has_keys and not result.anchored_to and result.events:
            raise CommandError(
                "Nothing vouches for this log: its hashes fit each other, as those of one that was written anew would. "
                "Give its keys (--keys) or anchors of it (--anchors)."
            )
        self.stdout.write(f"The audit log holds: {result.events} events, last hash {result.head}")
        for line in _reach(result, has_keys=has_keys):
            self.stdout.write(line)
        for place in away:
            self.stdout.write(self.style.WARNING(f"The anchors of the place {place} could not be read."))

    def _export(self, options: dict[str, Any]) -> None:
        count = exporting.export(options["file"], options["keys"])
        self.stdout.write(f"Wrote {count} events to {options['file']}.")
        if options["keys"]:
            self.stdout.write(f"Whoever has {options['keys']} can prove this log, and forge it: a secret.")

    def _roles(self, options: dict[str, Any]) -> None:
        if not options["apply"]:
            self.stdout.write(";\n".join(roles.statements(options["role"])) + ";")
            return
        try:
            roles.grant(options["role"])
        except DatabaseError as error:
            raise CommandError(f"Not given: {str(error).splitlines()[0]}") from error
        self.stdout.write(f"{options['role']} reads and adds to the audit log, and writes all else.")

    def _anchor(self, options: dict[str, Any]) -> None:
        if options["anew"]:
            anchors.begin_anew()
        failures = anchors.anchor_now()
        if not failures:
            self.stdout.write("Nothing to anchor, or no place to anchor it at (AUDIT_ANCHOR_FILE and others).")
        for place, failure in failures.items():
            self.stdout.write(f"{place}: {failure or 'anchored'}")
        if any(failures.values()):
            raise CommandError("Not anchored everywhere.")


def _reach(result: VerifyResult, *, has_keys: bool) -> list[str]:
    """Return up to where what is vouched for by what, and what is not, in plain words."""
    told = []
    if has_keys:
        told.append(f"By keys: events 1 to {result.proved_to}, each by its key or by a later one's.")
    else:
        told.append("By keys: nothing was looked at, for none were given.")
    if result.unkeyed:
        told.append(f"The oldest {result.unkeyed} are from before events were keyed; the next one vouches for them.")
    if result.anchored_to:
        when = f"{result.anchored_at:%Y-%m-%d %H:%M:%S} UTC" if result.anchored_at else ""
        told.append(f"By {result.anchors} anchors: events 1 to {result.anchored_to} ({result.anchored_by}, {when}).")
    if result.stamped_to:
        told.append(f"By a time-stamping authority: events 1 to {result.stamped_to}.")
    if result.unanchored:
        told.append(
            f"Not anchored: the newest {result.unanchored} events. Others after them could have been cut off unseen."
        )
    return told
