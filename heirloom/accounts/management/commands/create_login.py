"""manage.py create_login hana --role hr"""

import os
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from heirloom.accounts.models import ROLES, SCOPES, User
from heirloom.accounts.services import create_login

VARIABLE = "HEIRLOOM_LOGIN_PASSWORD"


class Command(BaseCommand):
    help = (
        "Make a login for a member of staff or a client app. Its password is read from standard input "
        f"(--password-stdin) or from {VARIABLE}; without either, one is made and printed once, "
        "and a member of staff changes it at the first sign-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", action="append", required=True, choices=ROLES, help="may be given several times")
        parser.add_argument("--scope", action="append", default=[], choices=SCOPES, help="for a client app")
        parser.add_argument("--email", default="")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(self, *_args: Any, **options: Any) -> None:
        username = options["username"]
        if User.objects.filter(username=username).exists():
            raise CommandError(f"There is a login {username!r} already.")
        given = sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else os.environ.get(VARIABLE, "")
        if given:
            _require_good(given, username)
        password = given or secrets.token_urlsafe(12)
        user = create_login(
            username=username,
            password=password,
            roles=tuple(options["role"]),
            email=options["email"],
            scopes=tuple(options["scope"]),
            password_was_seen=not given,
            via="create_login",
        )
        self.stdout.write(f"Made the login {username}: {', '.join(options['role'])}.")
        if not given:
            self.stdout.write(f"Password (shown this once): {password}")
        if user.must_change_password:
            self.stdout.write("It is to be changed at the first sign-in; until then the API gives no token for it.")


def _require_good(password: str, username: str) -> None:
    try:
        validate_password(password, User(username=username))
    except ValidationError as error:
        raise CommandError(f"This password is not good enough: {' '.join(error.messages)}") from error
