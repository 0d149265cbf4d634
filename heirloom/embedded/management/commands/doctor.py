"""manage.py doctor"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from heirloom.embedded import doctor, doctor_services
from heirloom.embedded.findings import State, table


class Command(BaseCommand):
    help = "Say what works and what does not, with a remedy for each fault; exit code 1 when the main job cannot run."
    # It must also run where a check of Django fails, and say why.
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        findings = [*doctor.machine(), *doctor_services.services()]
        faults = sum(finding.state is State.FAULT for finding in findings)
        self.stdout.write(table(findings))
        if faults:
            self.stdout.write(f"\n{faults} fault{'s' if faults > 1 else ''}: the main job cannot run.")
            sys.exit(1)
        self.stdout.write("\nThe main job can run.")
