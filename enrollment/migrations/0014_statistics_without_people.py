"""The planner's statistics repeat values of columns: of these it keeps none from now on.

ANALYZE copies names, numbers and search vectors into pg_statistic, where no erasure finds them. What is there goes where
the server lets us: PostgreSQL 18 by a function of its own, a former one for a superuser alone.
"""

from typing import Any

from django.db import migrations

COLUMNS = {
    "enrollment_person": (
        *("employee_id", "external_id", "full_name", "position", "email", "metadata"),
        *("searched", "searched_trigrams"),
    ),
    "enrollment_persontemplate": ("vector", "vector_sealed"),
    "enrollment_capture": ("sha256", "perceptual_hashes", "provenance", "storage_name"),
}
TELLING = (
    *("crypto_datakey", "enrollment_person", "enrollment_consent", "enrollment_capture", "enrollment_facetemplate"),
    *("enrollment_persontemplate", "enrollment_importrow", "api_keyedrequest", "axes_accessattempt"),
)
INDEXES = ("person_vectors_128", "person_vectors_512")


def forget(_apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        for table, columns in COLUMNS.items():
            cursor.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                [table],
            )
            for column in {name for (name,) in cursor.fetchall()} & set(columns):
                cursor.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET STATISTICS 0')
                _clear(cursor, table, column)
        for index in INDEXES:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [index])
            if cursor.fetchone() == (True,):
                cursor.execute(f"ALTER INDEX {index} ALTER COLUMN 1 SET STATISTICS 0")
                _clear(cursor, index, None)


def leave_the_disk(_apps: Any, schema_editor: Any) -> None:
    """Ask for the tables of former versions to be written anew: they hold what was erased before."""
    with schema_editor.connection.cursor() as cursor:
        for table in TELLING:
            cursor.execute(
                "INSERT INTO crypto_rewrittentable (name, asked_xid, done_xid)"
                " SELECT %s, pg_current_xact_id()::text::bigint, 0 WHERE EXISTS (SELECT FROM crypto_datakey)"
                " ON CONFLICT (name) DO NOTHING",
                [table],
            )


def _clear(cursor: Any, relation: str, column: str | None) -> None:
    cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('is_superuser')")
    version, superuser = cursor.fetchone()
    if superuser == "on":
        cursor.execute(
            "DELETE FROM pg_statistic s USING pg_attribute a WHERE s.starelid = a.attrelid AND s.staattnum = a.attnum"
            " AND a.attrelid = %s::regclass AND a.attname = coalesce(%s::text, a.attname)",
            [relation, column],
        )
    elif version >= 180000 and column is not None:
        cursor.execute("SELECT pg_clear_attribute_stats(current_schema(), %s, %s, false)", [relation, column])


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0013_erased_for_good"), ("crypto", "0004_erased_for_good")]
    operations = [
        migrations.RunPython(forget, migrations.RunPython.noop),
        migrations.RunPython(leave_the_disk, migrations.RunPython.noop),
    ]
