from typing import Any

from django.db import migrations, models

from heirloom.crypto.former import mark
from heirloom.crypto.keys import ring


def permit_where_data_was_sealed(apps: Any, _schema_editor: object) -> None:
    """An installation that sealed anything by now has seals of version 1; any other never opens one."""
    if apps.get_model("crypto", "DataKey").objects.exists():
        key = ring().first
        apps.get_model("crypto", "FormerSeals").objects.create(pk=1, ring_key=key.id, mark=mark(key))


class Migration(migrations.Migration):
    dependencies = [("crypto", "0004_erased_for_good")]
    operations = [
        migrations.CreateModel(
            name="FormerSeals",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ring_key", models.TextField()),
                ("mark", models.BinaryField()),
            ],
        ),
        migrations.RunPython(permit_where_data_was_sealed, migrations.RunPython.noop),
    ]
