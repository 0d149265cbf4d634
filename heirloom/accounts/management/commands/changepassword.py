"""manage.py changepassword: Django's own, and recorded."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandError

from heirloom.accounts.models import User
from heirloom.accounts.services import recorded


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> Any:
        username = options["username"] or getpass.getuser()
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no login {username!r}.")
        # It waits for somebody to type, so nothing is held meanwhile.
        with recorded(user=user, actor=None, via="changepassword", lock=False):
            return super().handle(*args, **options)
