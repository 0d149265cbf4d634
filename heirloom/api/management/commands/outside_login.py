"""manage.py outside_login 5f0c8a4e-... --role hr"""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from heirloom.accounts.models import ROLES, SCOPES
from heirloom.api import outside


class Command(BaseCommand):
    help = (
        "Give somebody who signs in at OIDC_ISSUER these roles and scopes and no others, also before the first use. "
        "Where OIDC_ROLES_CLAIM is set the token gives the roles, and only scopes are given here."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", help="the claim `sub` of the issuer's tokens")
        parser.add_argument("--role", action="append", default=[], choices=ROLES, help="may be given several times")
        parser.add_argument("--scope", action="append", default=[], choices=SCOPES, help="for a client app")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.OIDC_ISSUER:
            raise CommandError("OIDC_ISSUER is not set: nobody signs in elsewhere.")
        if options["role"] and settings.OIDC_ROLES_CLAIM:
            raise CommandError(f"The token gives the roles, in {settings.OIDC_ROLES_CLAIM} (OIDC_ROLES_CLAIM).")
        user = outside.grant(
            subject=options["subject"],
            roles=None if settings.OIDC_ROLES_CLAIM else options["role"],
            scopes=options["scope"],
        )
        has = ", ".join(sorted(user.groups.values_list("name", flat=True))) or "no role"
        self.stdout.write(f"{options['subject']} is the login {user.username}: {has}.")
