from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0011_askers_of_open_cases")]
    operations = [
        migrations.AddField(model_name="enrollment", name="face_cleared", field=models.BooleanField(default=False))
    ]
