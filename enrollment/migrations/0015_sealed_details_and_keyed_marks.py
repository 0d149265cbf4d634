import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """What was plain stays where it is until workers, or `manage.py reseal`, have sealed or keyed it and emptied it."""

    dependencies = [("enrollment", "0014_statistics_without_people")]

    operations = [
        migrations.RenameField("person", "email", "plain_email"),
        migrations.RenameField("person", "metadata", "plain_metadata"),
        migrations.AlterField(
            "person", "plain_email", models.EmailField(blank=True, default="", editable=False, max_length=254)
        ),
        migrations.AlterField("person", "plain_metadata", models.JSONField(blank=True, default=dict, editable=False)),
        migrations.AddField("person", "private_sealed", models.BinaryField(null=True)),
        migrations.AddIndex(
            "person",
            models.Index(
                condition=models.Q(
                    models.Q(("plain_email", ""), _negated=True),
                    models.Q(("plain_metadata", {}), _negated=True),
                    _connector="OR",
                ),
                fields=["id"],
                name="people_noted_before",
            ),
        ),
        migrations.RemoveIndex("capture", "enrollment__sha256_2e5edf_idx"),
        migrations.AddField("capture", "bytes_mark", models.CharField(blank=True, default="", max_length=64)),
        migrations.AddField(
            "capture",
            "looks_marks",
            django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None),
        ),
        migrations.AlterField(
            "capture", "sha256", models.CharField(blank=True, default="", editable=False, max_length=64)
        ),
        migrations.AlterField(
            "capture",
            "perceptual_hashes",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), default=list, editable=False, size=None
            ),
        ),
        migrations.AddIndex("capture", models.Index(fields=["bytes_mark"], name="enrollment__bytes_m_c0e5b3_idx")),
        migrations.AddIndex(
            "capture",
            models.Index(
                condition=models.Q(("sha256", ""), _negated=True), fields=["id"], name="captures_marked_before"
            ),
        ),
        # The planner's statistics would repeat them where no erasure finds them (0014).
        migrations.RunSQL(
            "ALTER TABLE enrollment_person ALTER COLUMN private_sealed SET STATISTICS 0;"
            "ALTER TABLE enrollment_capture ALTER COLUMN bytes_mark SET STATISTICS 0,"
            " ALTER COLUMN looks_marks SET STATISTICS 0",
            migrations.RunSQL.noop,
        ),
    ]
