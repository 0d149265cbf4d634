from django.db import migrations

# As in verification: cases of possible duplicates that were open before.
OPEN = """
UPDATE reviews_review r SET askers = ARRAY[e.requested_by_id]::bigint[],
    claimed_by_id = nullif(r.claimed_by_id, e.requested_by_id),
    claimed_at = CASE WHEN r.claimed_by_id = e.requested_by_id THEN NULL ELSE r.claimed_at END
FROM enrollment_enrollment e
WHERE r.kind = 'duplicate' AND r.subject_id = e.id AND r.verdict = '' AND e.requested_by_id IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0010_a_denser_search_index"), ("reviews", "0003_askers_never_decide")]
    operations = [migrations.RunSQL(OPEN, migrations.RunSQL.noop)]
