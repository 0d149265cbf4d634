from io import StringIO

import pytest
import pytest_django
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.django_db


def said() -> str:
    out = StringIO()
    call_command("prepare_broker", stdout=out)
    return out.getvalue()


def test_the_queue_is_installed_once_where_it_is_missing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA pgmq CASCADE")
    assert "Installed" in said()
    assert "already" in said()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgmq.create('made_here')")
        cursor.execute("SELECT pgmq.send('made_here', '{}')")
        assert cursor.fetchone() == (1,)


def test_another_broker_needs_nothing_in_the_database(settings: pytest_django.Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:6379/0"
    assert "needs nothing" in said()
