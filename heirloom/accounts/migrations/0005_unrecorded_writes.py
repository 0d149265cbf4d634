"""The database notes each write of a login, a role or a right that was not announced as recorded.

The function runs as its owner, so a role that may only read and insert cannot take a note back.
"""

import django.contrib.postgres.fields
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION accounts_note_unrecorded() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    old_row jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}'::jsonb ELSE to_jsonb(OLD) END;
    new_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}'::jsonb ELSE to_jsonb(NEW) END;
    watched text[] := TG_ARGV[1]::text[];
    changed text[] := ARRAY(SELECT name FROM unnest(watched) AS name WHERE old_row -> name IS DISTINCT FROM new_row -> name);
BEGIN
    IF coalesce(current_setting('heirloom.recorded', true), '') <> 'on' AND cardinality(changed) > 0 THEN
        INSERT INTO accounts_unrecordedwrite (at, table_name, operation, login_id, columns, database_role)
        VALUES (
            clock_timestamp(), TG_TABLE_NAME, TG_OP,
            coalesce(new_row ->> TG_ARGV[0], old_row ->> TG_ARGV[0])::bigint, changed, session_user
        );
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER accounts_note_unrecorded AFTER INSERT OR UPDATE OR DELETE ON accounts_user FOR EACH ROW
    EXECUTE FUNCTION accounts_note_unrecorded('id',
    '{username,email,password,must_change_password,is_active,is_staff,is_superuser,scopes,consent_basis}');
CREATE TRIGGER accounts_note_unrecorded AFTER INSERT OR UPDATE OR DELETE ON accounts_user_groups FOR EACH ROW
    EXECUTE FUNCTION accounts_note_unrecorded('user_id', '{user_id,group_id}');
CREATE TRIGGER accounts_note_unrecorded AFTER INSERT OR UPDATE OR DELETE ON accounts_user_user_permissions FOR EACH ROW
    EXECUTE FUNCTION accounts_note_unrecorded('user_id', '{user_id,permission_id}');
CREATE TRIGGER accounts_note_unrecorded AFTER INSERT OR UPDATE OR DELETE ON auth_group_permissions FOR EACH ROW
    EXECUTE FUNCTION accounts_note_unrecorded('no_login', '{group_id,permission_id}');
CREATE TRIGGER accounts_note_unrecorded AFTER INSERT OR UPDATE OR DELETE ON auth_group FOR EACH ROW
    EXECUTE FUNCTION accounts_note_unrecorded('no_login', '{name}');
"""
TABLES = (
    "accounts_user", "accounts_user_groups", "accounts_user_user_permissions", "auth_group_permissions", "auth_group",
)  # fmt: skip
BACKWARD = (
    "".join(f"DROP TRIGGER accounts_note_unrecorded ON {table};\n" for table in TABLES)
    + "DROP FUNCTION accounts_note_unrecorded();"
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_attempts_without_words"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="UnrecordedWrite",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("table_name", models.TextField()),
                ("operation", models.TextField()),
                ("login_id", models.BigIntegerField(null=True)),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                ("database_role", models.TextField()),
            ],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
