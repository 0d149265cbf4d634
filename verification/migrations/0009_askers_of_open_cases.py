from django.db import migrations

# Cases that were open before: whoever asked is on record, and holds none of them.
OPEN = """
UPDATE reviews_review r SET askers = ARRAY[v.owner_id]::bigint[],
    claimed_by_id = nullif(r.claimed_by_id, v.owner_id),
    claimed_at = CASE WHEN r.claimed_by_id = v.owner_id THEN NULL ELSE r.claimed_at END
FROM verification_verification v
WHERE r.kind = 'verification' AND r.subject_id = v.id AND r.verdict = '' AND v.owner_id IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("reviews", "0003_askers_never_decide"), ("verification", "0008_challenges_counted_as_issued")]
    operations = [migrations.RunSQL(OPEN, migrations.RunSQL.noop)]
