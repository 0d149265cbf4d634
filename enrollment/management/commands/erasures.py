"""manage.py erasures [--complete]"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from enrollment.models import Erasure
from enrollment.services import erasure


class Command(BaseCommand):
    help = "Tell which erasures have not left the disk yet; with --complete, write the tables anew that they wait for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--complete", action="store_true", help="now: each table is closed while it is written")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["complete"]:
            erasure.complete()
        waiting = Erasure.objects.filter(completed_at=None).order_by("due_at")
        for one in waiting:
            self.stdout.write(
                f"{one.person_id}  erased {one.erased_at:%Y-%m-%d %H:%M}  due {one.due_at:%Y-%m-%d %H:%M}"
            )
        self.stdout.write(f"{waiting.count()} to complete, {erasure.overdue()} overdue.")
