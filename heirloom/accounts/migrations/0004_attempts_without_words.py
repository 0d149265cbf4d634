"""Attempts of former versions keep what was typed; they count for a quarter of an hour, so all of them may go."""

from typing import Any

from django.db import migrations


def forget(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("axes", "AccessAttempt").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_try_counts"),
        ("axes", "0010_accessattemptexpiration"),
    ]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
