"""Measure what the scores of a vision pack mean, and propose a policy. Nothing is changed by it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from heirloom.decision import center
from heirloom.decision.policy_files import dump, file_name
from heirloom.evaluation import report, reports, searches
from heirloom.evaluation.calibration import held_out
from heirloom.evaluation.proposal import propose, propose_center
from heirloom.evaluation.search_report import with_searches
from verification.management import labelled


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # pictures in a folder are measured without a web server or database
    help = (
        "Measure the thresholds of a vision pack on labelled pictures, or on the people enrolled here, and write "
        "a proposal: a policy, the center that searches subtract, and a report as Markdown, HTML and charts. No policy "
        "is changed; the last lines say how to adopt it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        labelled.add_arguments(parser, required=True)
        parser.add_argument("--out", type=Path, help="where the proposal goes; var/proposals if left out")
        parser.add_argument("--name", default="", help="what the files are called; as the model if left out")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            engine, info = labelled.engine_of(options["pack"])
            found = labelled.measured(engine, info, options, "calibrate", self.stdout.write)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self._write(found, options["out"] or settings.VAR_DIR / "proposals", options["name"])

    def _write(self, found: labelled.Labelled, out: Path, name: str) -> None:
        policy = propose(found.source, found.measured)
        searched = searches.measure(found.gallery) if policy and found.gallery else ()
        policy = replace(policy, searches=searches.cells(searched)) if policy else None
        others = held_out(found.gallery) if policy and found.gallery else ()
        said = with_searches(reports.of_calibration(found.source, found.measured, policy, others), searched, policy)
        target = out / file_name(found.source.model)
        page = reports.write(said, out, name or target.stem)
        self.stdout.write(report.plain(said))
        self.stdout.write(f"\nWrote {page}, and the same as Markdown with PNG charts.")
        if policy is None:
            self.stdout.write(
                "There are too few pictures for any threshold; no policy is proposed. The page says what was seen."
            )
            return
        target.write_text(dump(policy), encoding="utf-8")
        self._write_center(found, out)
        self.stdout.write(
            f"Proposed {policy.name}. Nothing is changed. To adopt it: cp {target} {settings.POLICY_DIR}/ and restart."
        )

    def _write_center(self, found: labelled.Labelled, out: Path) -> None:
        """Write the mean face, of pictures alone: who is enrolled here may ask to be erased, from a mean too."""
        proposed = propose_center(found.source, found.gallery) if found.gallery and not found.enrolled else None
        if proposed is None:
            return
        target = out / "center" / file_name(proposed.model)
        target.parent.mkdir(exist_ok=True)
        target.write_text(center.dump(proposed), encoding="utf-8")
        self.stdout.write(
            f"Measured the center of {proposed.provenance.people:,} people. To search around it, which makes all "
            f"search vectors anew: cp {target} {settings.POLICY_DIR / 'center'}/ and restart."
        )
