"""Indexes for templates of 192 and 704 numbers, as the packs out of npm packages make them (docs/models/)."""

from django.db import migrations

# As those of 0002, denser as of 0010 and without statistics, which repeat values, as of 0014.
CREATE = """
CREATE INDEX person_vectors_{n} ON enrollment_persontemplate USING hnsw ((vector::halfvec({n})) halfvec_cosine_ops)
WITH (m = 24, ef_construction = 128) WHERE dimensions = {n};
ALTER INDEX person_vectors_{n} ALTER COLUMN 1 SET STATISTICS 0
"""
SIZES = (192, 704)


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0015_sealed_details_and_keyed_marks")]
    operations = [migrations.RunSQL(CREATE.format(n=n), f"DROP INDEX person_vectors_{n}") for n in SIZES]
