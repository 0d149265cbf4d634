#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

from heirloom import settings
from heirloom.embedded import postgres

NOT_RUNNING = """The embedded database is not running. Start Heirloom (`make run`) and give the command again in another
terminal, or run it with the database alone: python -m heirloom.embedded with-database manage.py {arguments}"""

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heirloom.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError:
        if not settings.EMBEDDED or postgres.answers(settings.VAR_DIR):
            raise
        sys.exit(NOT_RUNNING.format(arguments=" ".join(sys.argv[1:])))
