"""The commands of axes that open locked sign-ins, and their record."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from heirloom.accounts import recording


class Recorded(BaseCommand):
    """Goes before a command of axes: whose lock was opened is not told, for a name may have been typed by mistake."""

    def handle(self, *args: Any, **options: Any) -> Any:
        with transaction.atomic():
            answer = super().handle(*args, **options)
            via = type(self).__module__.rpartition(".")[2]
            recording.tell(code="sign_in.unlocked", user=None, actor=None, via=via, details={})
        return answer
