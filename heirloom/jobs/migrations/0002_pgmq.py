"""The queue on this database itself, where the broker is pgmq; `manage.py prepare_broker` does it later."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from heirloom.jobs.broker import install_pgmq, uses_pgmq


def install(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if uses_pgmq():
        install_pgmq(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
