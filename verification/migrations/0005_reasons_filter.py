import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("verification", "0004_api_key")]

    operations = [
        migrations.AddIndex(
            model_name="verification",
            index=django.contrib.postgres.indexes.GinIndex(fields=["reasons"], name="verification_reasons"),
        ),
    ]
