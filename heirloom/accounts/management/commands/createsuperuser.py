"""manage.py createsuperuser: Django's own, and recorded."""

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from heirloom.accounts import recording
from heirloom.accounts.models import User


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> Any:
        last = User.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        with recording.made(actor=None, via="createsuperuser") as new:
            answer = super().handle(*args, **options)
            new.extend(User.objects.filter(pk__gt=last, is_superuser=True))
        return answer
