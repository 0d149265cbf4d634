"""manage.py audit verify"""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from heirloom.audit.services import verify


class Command(BaseCommand):
    help = "Prove that no event of the audit log was changed, removed or put between others."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["verify"])

    def handle(self, *_args: object, **_options: object) -> None:
        result = verify()
        if not result.intact:
            raise CommandError(
                f"The audit log is broken at event {result.broken_at}: {result.fault}. "
                f"The {result.events} events before it hold. Compare with a backup from before."
            )
        self.stdout.write(f"The audit log holds: {result.events} events, last hash {result.head}")
