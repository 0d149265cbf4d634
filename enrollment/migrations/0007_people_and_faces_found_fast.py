from django.db import migrations, models

# Every three characters in a row: a text that holds a word holds all of the word's. pg_trgm does that too, but is not everywhere
# that this runs.
TRIGRAMS = """
CREATE FUNCTION enrollment_trigrams(given text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT DISTINCT substr(given, place, 3) FROM generate_series(1, length(given) - 2) place)
"""
# Kept, for making them takes longer than comparing them, and the planner knows how common a kept text is. No model knows of the
# columns, so no row is read with them.
TEXT = "upper(full_name || ' ' || coalesce(employee_id, '') || ' ' || department || ' ' || position)"
COLUMNS = f"""
ALTER TABLE enrollment_person
ADD COLUMN searched text GENERATED ALWAYS AS ({TEXT}) STORED,
ADD COLUMN searched_trigrams text[] GENERATED ALWAYS AS (enrollment_trigrams({TEXT})) STORED
"""
# People are searched far more often than written, so nothing is kept back for a later update of the index.
INDEX = "CREATE INDEX person_trigrams ON enrollment_person USING gin (searched_trigrams) WITH (fastupdate = off)"


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0006_imports")]
    operations = [
        migrations.RunSQL(TRIGRAMS, "DROP FUNCTION enrollment_trigrams"),
        migrations.RunSQL(COLUMNS, "ALTER TABLE enrollment_person DROP COLUMN searched, DROP COLUMN searched_trigrams"),
        migrations.RunSQL(INDEX, "DROP INDEX person_trigrams"),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("status", "active"), _negated=True), fields=["id"], name="people_not_active"
            ),
        ),
    ]
