"""manage.py reset_second_factor hana"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from heirloom.accounts.models import User
from heirloom.portal import own


class Command(BaseCommand):
    help = (
        "Take the second factors and recovery codes from a login whose owner lost them, once you know that it is them. "
        "Its sessions and tokens end as well; the audit log says that it was done by command."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no login {options['username']!r}.")
        count = own.reset_second_factors(user=user, actor=None)
        self.stdout.write(f"{count} second factors of {user.username} were taken away, and its sessions ended.")
