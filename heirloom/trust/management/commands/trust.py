"""manage.py trust report | export | verify | key | baseline"""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from heirloom.errors import Refusal
from heirloom.trust import services, signing


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # an exported report is verified without a web server or database
    help = (
        "report: make and sign a trust report now. export: write the last one, or a new one for a release, as a file. "
        "verify: prove a file by the public key. key: print the public keys. baseline: take what comes from now on for "
        "normal, which ends alarms of drift."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("report", help="make and sign a report now")
        export = acts.add_parser("export", help="write a report as a file, to be verified elsewhere")
        export.add_argument("file", type=Path)
        export.add_argument("--release", default="", help="make a new report that names this release")
        verify = acts.add_parser("verify", help="prove a file; exit code 1 when it does not hold")
        verify.add_argument("file", type=Path)
        verify.add_argument("--key", default="", help="the public key, from `trust key`; else those of this key ring")
        acts.add_parser("key", help="print the public keys that reports are signed by, to be published")
        acts.add_parser("baseline", help="begin new baselines; leaves an event in the audit log")

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            getattr(self, f"_{options['act']}")(options)
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} {refusal.entry.remedy}") from refusal
        except (OSError, ValueError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error

    def _report(self, _options: dict[str, Any]) -> None:
        self.stdout.write(f"Made {services.make()}.")

    def _export(self, options: dict[str, Any]) -> None:
        report = services.make(release=options["release"]) if options["release"] else services.latest()
        if report is None:
            raise ValueError("No report was made yet: manage.py trust report")
        with os.fdopen(os.open(options["file"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
            file.write(services.dump(report))
        self.stdout.write(f"Wrote {options['file']}: {report}, signed by {report.key_id}.")

    def _verify(self, options: dict[str, Any]) -> None:
        found = services.read(options["file"])
        trusted = {options["key"]} if options["key"] else set(signing.public_keys().values())
        if found.signature.public_key not in trusted:
            whose = "not the given one" if options["key"] else "none of this installation's key ring"
            raise CommandError(f"It is signed by the key {found.signature.public_key}, which is {whose}.")
        if not signing.is_signed(found.body, found.signature):
            raise CommandError("The signature does not fit the report: it was changed after it was signed.")
        made, by = found.report.get("made_at"), found.report.get("installation")
        self.stdout.write(f"The report holds: made {made} by the installation {by}.")

    def _key(self, _options: dict[str, Any]) -> None:
        for key_id, public in signing.public_keys().items():
            self.stdout.write(f"{key_id} {public}")

    def _baseline(self, _options: dict[str, Any]) -> None:
        services.begin_baseline()
        self.stdout.write("New baselines begin now. Until they are whole, drift is not looked for.")
