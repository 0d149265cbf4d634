from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """A key is held by a lock, not by a row; rows of requests that were under way are nobody's any more."""

    dependencies = [("api", "0003_token_families")]
    operations = [
        migrations.RunSQL("DELETE FROM api_keyedrequest WHERE token IS NOT NULL", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="keyedrequest", name="api_keyedrequest_one_state"),
        migrations.RemoveField(model_name="keyedrequest", name="token"),
        migrations.AddConstraint(
            model_name="keyedrequest",
            constraint=models.CheckConstraint(
                name="api_keyedrequest_one_state",
                condition=Q(answer__isnull=False) | Q(answer__isnull=True, fingerprint="", names=[]),
            ),
        ),
    ]
