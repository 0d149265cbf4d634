from django.db import migrations

# Whatever door it comes through: nobody changes a case that is decided. Erasing a person removes it; the audit log keeps the verdict.
FINAL = """
CREATE FUNCTION reviews_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'review % is decided and cannot be changed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER reviews_decided_are_final BEFORE UPDATE ON reviews_review
FOR EACH ROW WHEN (OLD.verdict <> '') EXECUTE FUNCTION reviews_refuse_change();
"""
UNDO = "DROP TRIGGER reviews_decided_are_final ON reviews_review; DROP FUNCTION reviews_refuse_change();"


class Migration(migrations.Migration):
    dependencies = [("reviews", "0001_initial")]
    operations = [migrations.RunSQL(FINAL, UNDO)]
