"""manage.py reseal"""

from django.core.management.base import BaseCommand, CommandError

from heirloom.crypto import former, renewal
from heirloom.errors import Refusal


class Command(BaseCommand):
    help = (
        "Make anew what lies at rest in a former way, after an upgrade; workers do it by themselves, this does it now. "
        "It may run while the system works, and again after an interruption."
    )

    def handle(self, *_args: object, **_options: object) -> None:
        try:
            found = renewal.renew_for()
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} {refusal.entry.remedy}") from refusal
        for name, renewed in found.items():
            lost = f", {renewed.lost} do not open" if renewed.lost else ""
            self.stdout.write(f"{name}: {renewed.done} made anew{lost}")
        if left := renewal.still_to_do():
            self.stdout.write(f"Still of a former way: {', '.join(f'{name} {count}' for name, count in left.items())}")
        opened = "are still opened: run this again" if former.are_opened() else "are not opened"
        self.stdout.write(f"Seals that are bound to no place {opened}.")
