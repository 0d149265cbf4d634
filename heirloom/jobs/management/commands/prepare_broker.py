"""manage.py prepare_broker"""

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from heirloom.jobs.broker import install_pgmq, uses_pgmq


class Command(BaseCommand):
    help = "Install what the configured broker needs in the database; for a CELERY_BROKER_URL that was changed later."

    def handle(self, *_args: object, **_options: object) -> None:
        if not uses_pgmq():
            self.stdout.write("This broker needs nothing in the database.")
            return
        with transaction.atomic():
            installed = install_pgmq(connection)
        self.stdout.write("Installed the queue." if installed else "The queue is already installed.")
