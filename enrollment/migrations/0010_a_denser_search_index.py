from django.db import migrations

# docs/decisions/0015: with more edges, chosen among more, a walk through the index misses fewer. What is there is
# built anew here only where that takes seconds; beyond, `manage.py reembed` does it while the system goes on answering.
DENSER = """
ALTER INDEX person_vectors_{n} SET (m = 24, ef_construction = 128);
DO $$ BEGIN
  IF (SELECT count(*) FROM (SELECT FROM enrollment_persontemplate WHERE dimensions = {n} LIMIT 10001) few) <= 10000 THEN
    REINDEX INDEX person_vectors_{n};
  END IF;
END $$
"""
SIZES = (128, 512)


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0009_search_vectors_of_several_kinds")]
    operations = [
        migrations.RunSQL(DENSER.format(n=n), f"ALTER INDEX person_vectors_{n} RESET (m, ef_construction)")
        for n in SIZES
    ]
