"""The tables and functions that Celery's pgmq transport needs: plain SQL that comes with the pgmq package."""

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from pgmq.install import get_embedded_install_sql


def uses_pgmq() -> bool:
    return str(settings.CELERY_BROKER_URL).startswith("pgmq:")


def install_pgmq(connection: BaseDatabaseWrapper) -> bool:
    """Install the queue's schema where it is missing and say whether it was; needs CREATE on the database.

    The script cannot run twice, and a server where pgmq is a true extension has the schema already.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pgmq.meta') IS NOT NULL")
        if cursor.fetchone() == (True,):
            return False
        cursor.execute(get_embedded_install_sql())
    return True
