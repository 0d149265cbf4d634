from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("verification", "0005_reasons_filter")]

    operations = [
        migrations.AddIndex(
            model_name="verification",
            index=models.Index(fields=["outcome", "-created_at", "-id"], name="verificatio_outcome_9968d0_idx"),
        ),
        migrations.AddIndex(
            model_name="verification",
            index=models.Index(fields=["decision", "-created_at", "-id"], name="verificatio_decisio_bd0e20_idx"),
        ),
        migrations.AddIndex(
            model_name="verification",
            index=models.Index(fields=["mode", "-created_at", "-id"], name="verificatio_mode_b0b19e_idx"),
        ),
    ]
