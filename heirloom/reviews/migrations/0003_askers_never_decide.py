import django.contrib.postgres.fields
from django.db import migrations, models

# Whatever door it comes through: who asked neither holds nor decides a case, a verdict is somebody's, and nobody takes
# himself off the list. Open cases get their askers from the apps above, whose rows say who it was.
HELD = """
ALTER TABLE reviews_review
ADD CONSTRAINT review_decided_by_another CHECK (decided_by_id IS NULL OR NOT decided_by_id = ANY (askers)),
ADD CONSTRAINT review_claimed_by_another CHECK (
    verdict <> '' OR claimed_by_id IS NULL OR NOT claimed_by_id = ANY (askers)
),
ADD CONSTRAINT review_decided_by_somebody CHECK (verdict = '' OR decided_by_id IS NOT NULL);
CREATE FUNCTION reviews_refuse_to_forget_askers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'who asked for review % stays on record', OLD.id USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER reviews_askers_stay BEFORE UPDATE ON reviews_review
FOR EACH ROW WHEN (NOT NEW.askers @> OLD.askers) EXECUTE FUNCTION reviews_refuse_to_forget_askers();
"""
UNDO = """
DROP TRIGGER reviews_askers_stay ON reviews_review;
DROP FUNCTION reviews_refuse_to_forget_askers();
ALTER TABLE reviews_review DROP CONSTRAINT review_decided_by_another, DROP CONSTRAINT review_claimed_by_another,
DROP CONSTRAINT review_decided_by_somebody;
"""


class Migration(migrations.Migration):
    dependencies = [("reviews", "0002_decisions_are_final")]
    operations = [
        migrations.AddField(
            model_name="review",
            name="askers",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), default=list, editable=False, size=None
            ),
        ),
        migrations.RunSQL(HELD, UNDO),
    ]
