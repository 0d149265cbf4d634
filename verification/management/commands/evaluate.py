"""Say how often the policy in force is wrong: on labelled pictures, on labelled attacks, or both."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from enrollment.services.policies import attack_policy_of, policy_of, same_person_from
from heirloom.decision.attack import hear
from heirloom.decision.attack_policy import AttackPolicy
from heirloom.decision.policy import Policy
from heirloom.decision.policy_files import file_name, parse
from heirloom.evaluation import attacks, report, reports, searches
from heirloom.evaluation.report import Section
from heirloom.evaluation.search_report import with_searches
from heirloom.media.types import Image
from heirloom.vision.engine import VisionEngine
from heirloom.vision.types import AttackOutcome, AttackSignal, PackInfo
from verification.management import labelled
from verification.services.probes import Probe, look

UNMEASURED_THRESHOLD = 0.5
"""Only to draw by: without a policy no presentation gets an answer."""


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # files in a folder are judged without a web server or database
    help = (
        "Measure how often the policy in force is wrong: FMR, FNMR, FPIR and FNIR on labelled pictures or on the "
        "people enrolled here, BPCER and APCER on a folder with a subfolder bona_fide and one for each kind of attack. "
        "Writes a report as Markdown, HTML and charts; nothing is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        labelled.add_arguments(parser, required=False)
        parser.add_argument("--attacks", type=Path, help="a folder: bona_fide, and one subfolder a kind of attack")
        parser.add_argument("--policy", type=Path, help="a policy file to judge instead of the one in force")
        parser.add_argument("--out", type=Path, help="where the report goes; var/evaluations if left out")
        parser.add_argument("--name", default="", help="what the files are called; as the model if left out")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not (options["attacks"] or any(options[kind] for kind in labelled.KINDS)):
            raise CommandError("Name what to measure: --folder, --pairs, --enrolled or --attacks.")
        try:
            engine, info = labelled.engine_of(options["pack"])
            policy = _policy(options["policy"], info.model)
            said = self._report(engine, info, policy, options)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        out = options["out"] or settings.VAR_DIR / "evaluations"
        page = reports.write(said, out, options["name"] or Path(file_name(info.model)).stem)
        self.stdout.write(report.plain(said))
        self.stdout.write(f"\nWrote {page}, and the same as Markdown with PNG charts.")

    def _report(
        self, engine: VisionEngine, info: PackInfo, policy: Policy | None, options: dict[str, Any]
    ) -> report.Report:
        parts: tuple[Section, ...] = ()
        if options["attacks"]:
            parts = self._attacks(engine, info, options["attacks"])
        if not any(options[kind] for kind in labelled.KINDS):
            return report.Report(f"{info.attack_detector} in the pack {info.name}", _lead(info, options), parts)
        found = labelled.measured(engine, info, options, "evaluate", self.stdout.write)
        said = reports.of_evaluation(found.source, found.measured, policy, parts)
        return with_searches(said, searches.measure(found.gallery) if found.gallery else (), policy)

    def _attacks(self, engine: VisionEngine, info: PackInfo, folder: Path) -> tuple[Section, ...]:
        presentations = attacks.presentations_in(folder)
        engine.load()
        accusers = engine.status().accusers
        policies = {name: attack_policy_of(name) for name in (info.attack_detector, *accusers)}

        def signals_of(images: Sequence[Image]) -> list[AttackSignal]:
            """What a verification would be told of these pictures."""
            probe = look(images, vision=engine, same_person_from=same_person_from, pack=info.name)
            return [_heard(name, probe, policy) for name, policy in policies.items()]

        judged = attacks.judge(presentations, tuple(policies), signals_of, self.stdout.write)
        engine.close()
        # What lies under this passes; what is inconclusive counts as without an answer.
        policy = policies[info.attack_detector]
        passes_below = policy.cells[-1].bona_fide_below if policy else UNMEASURED_THRESHOLD
        found = attacks.sections(judged, info.attack_detector, passes_below)
        for name in accusers:
            its = policies[name]
            found += attacks.accusations(judged, name, its.cells[-1].attack_from if its else UNMEASURED_THRESHOLD)
        return found


def _heard(detector: str, probe: Probe, policy: AttackPolicy | None) -> AttackSignal:
    signal = hear(detector, [one for one in probe.attack if one.detector == detector], policy)
    if signal.outcome is AttackOutcome.INCONCLUSIVE and not probe.attack and probe.reasons:
        return replace(signal, why=probe.reasons[0])
    return signal


def _policy(file: Path | None, model: str) -> Policy | None:
    """Return the policy to judge. Raises ValueError for a file that holds no policy of this model."""
    if file is None:
        return policy_of(model)
    policy = parse(file.read_text(encoding="utf-8"))
    if policy.model != model:
        raise ValueError(f"{file} holds the policy of {policy.model}, not of {model}")
    return policy


def _lead(info: PackInfo, options: dict[str, Any]) -> tuple[str, ...]:
    measured_on = datetime.now(tz=UTC).date().isoformat()
    said = f"Measured on {measured_on} with `{labelled.command_line(options, 'evaluate', info.name)}`"
    what = f": {options['data_set']}." if options["data_set"] else "."
    return tuple(filter(None, (said + what, options["note"])))
