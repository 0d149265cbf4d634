from django.db import migrations

# No template without an active consent of the same person: withdrawing one fails until its templates are gone. Deferred, so that
# a newer consent may take over the templates of an older one within one transaction.
CONSENT = """
ALTER TABLE enrollment_facetemplate ADD CONSTRAINT template_of_an_active_consent
FOREIGN KEY (consent_id, person_id, consent_active) REFERENCES enrollment_consent (id, person_id, is_active)
DEFERRABLE INITIALLY DEFERRED
"""
# A halfvec column without dimensions takes any size: each row is held to its own.
DIMENSIONS = """
ALTER TABLE enrollment_persontemplate ADD CONSTRAINT vector_has_its_dimensions CHECK (vector_dims(vector) = dimensions)
"""
# One index for each size that recognisers make; used only with the exact cast.
INDEX = "CREATE INDEX person_vectors_{n} ON enrollment_persontemplate USING hnsw ((vector::halfvec({n})) halfvec_cosine_ops) WHERE dimensions = {n}"
SIZES = (128, 512)


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0001_initial")]
    operations = [
        migrations.RunSQL(CONSENT, "ALTER TABLE enrollment_facetemplate DROP CONSTRAINT template_of_an_active_consent"),
        migrations.RunSQL(
            DIMENSIONS, "ALTER TABLE enrollment_persontemplate DROP CONSTRAINT vector_has_its_dimensions"
        ),
        *(migrations.RunSQL(INDEX.format(n=n), f"DROP INDEX person_vectors_{n}") for n in SIZES),
    ]
